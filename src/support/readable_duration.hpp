// How long something took, as people read it.
//
// Thread safety: a pure function.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

#include "support/format.hpp"

namespace slipway {

/// "0.05 s", "12.3 s", "4 min 05 s", "1 h 05 min".
inline std::string readable_duration(std::chrono::milliseconds duration) {
  const auto count = std::max<std::int64_t>(duration.count(), 0);
  if (count < 10'000) return slipway::format("{:.2f} s", static_cast<double>(count) / 1000);
  if (count < 60'000) return slipway::format("{:.1f} s", static_cast<double>(count) / 1000);
  const std::int64_t seconds = count / 1000;
  if (seconds < 3600) return slipway::format("{} min {:02} s", seconds / 60, seconds % 60);
  return slipway::format("{} h {:02} min", seconds / 3600, seconds / 60 % 60);
}

}  // namespace slipway
