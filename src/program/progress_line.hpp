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

 private:
  const bool terminal_;
  const std::chrono::steady_clock::duration interval_;
  std::chrono::steady_clock::time_point next_;
};

/// "12.3 MB".
std::string readable_bytes(std::uint64_t bytes);

}  // namespace slipway
