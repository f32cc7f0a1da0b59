// How much of a transfer has gone, as a ProgressLine.
//
// Thread safety: none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "program/progress_line.hpp"

namespace slipway {

class Progress {
 public:
  /// "<what>: 1.0 MB of 2.0 MB (50 %) <moved>". `total` in bytes, when it is known.
  Progress(std::string what, std::string moved, std::optional<std::uint64_t> total = std::nullopt)
      : what_(std::move(what)), moved_(std::move(moved)), total_(total) {}

  void expect(std::uint64_t total) { total_ = total; }
  void add(std::uint64_t bytes);
  /// A line of its own, that stays.
  void say(std::string_view line) const { line_.say(line); }
  /// The last word, however it ended.
  void end() const { show(true); }

 private:
  void show(bool last) const;

  const std::string what_;
  const std::string moved_;
  std::optional<std::uint64_t> total_;
  ProgressLine line_;
  std::uint64_t bytes_ = 0;
};

}  // namespace slipway
