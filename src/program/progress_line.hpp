// How far something has come, on standard error: a line that changes on a terminal, plain lines now
// and then into a pipe.
//
// Thread safety: none.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace slipway {

class ProgressLine {
 public:
  ProgressLine();

  /// Whether enough time has passed since the last line; it then counts as shown.
  bool is_due();

  /// `last`: what follows stands on a line of its own.
  void show(std::string_view line, bool last) const;
  /// A line of its own, that stays.
  void say(std::string_view line) const;

 private:
  const bool terminal_;
  const std::chrono::steady_clock::duration interval_;
  std::chrono::steady_clock::time_point next_;
};

/// "12.3 MB", whatever the size: for lines whose numbers grow.
std::string megabytes(std::uint64_t bytes);
/// "512 B", "1.5 kB", "12.3 MB", "4.0 GB".
std::string readable_size(std::uint64_t bytes);

}  // namespace slipway
