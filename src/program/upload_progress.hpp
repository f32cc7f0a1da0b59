// How much of an upload has gone.
//
// Thread safety: none.
#pragma once

#include <cstdint>
#include <optional>

#include "program/progress_line.hpp"

namespace slipway {

class UploadProgress {
 public:
  /// `total` in bytes, when it is known.
  explicit UploadProgress(std::optional<std::uint64_t> total) : total_(total) {}

  void sent(std::uint64_t bytes);
  /// The last word, however it ended.
  void end();

 private:
  void show(bool last) const;

  const std::optional<std::uint64_t> total_;
  ProgressLine line_;
  std::uint64_t sent_ = 0;
};

}  // namespace slipway
