// How much of an upload has gone: a line that changes on a terminal, plain lines into a pipe. All
// on standard error.
//
// Thread safety: none.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace slipway {

class UploadProgress {
 public:
  /// `total` in bytes, when it is known.
  explicit UploadProgress(std::optional<std::uint64_t> total);

  void sent(std::uint64_t bytes);
  /// The last word, however it ended.
  void end();

 private:
  void show(bool last);

  const std::optional<std::uint64_t> total_;
  const bool terminal_;
  const std::chrono::steady_clock::duration interval_;
  std::uint64_t sent_ = 0;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace slipway
