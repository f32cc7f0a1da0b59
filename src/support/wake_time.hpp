// When a loop that waits for a date shall look again.
#pragma once

#include <algorithm>
#include <chrono>

#include <slipway/support/clock.hpp>

namespace slipway {

/// When now() will be `date`, but within the next hour: the wall clock may be set meanwhile, and a
/// date of another millennium is more nanoseconds away than can be counted. Thread safety: any.
inline MonotonicTime wake_time(const Clock& clock, Timestamp date) {
  constexpr std::chrono::milliseconds longest = std::chrono::hours(1);
  return clock.monotonic() +
         std::clamp(date - clock.now(), std::chrono::milliseconds(0), longest);
}

}  // namespace slipway
