// Pace: reads no faster than so many bytes a second, and stops when it is told to.
//
// Thread safety: one thread; the operation may be cancelled from any.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>

#include <slipway/registry/maintenance.hpp>
#include <slipway/support/clock.hpp>

namespace slipway {

class Pace {
 public:
  /// 0: as fast as it goes.
  Pace(Clock& clock, OperationRun& run, std::uint64_t bytes_per_second)
      : clock_(clock), run_(run), bytes_per_second_(bytes_per_second), due_(clock.monotonic()) {}

  /// After so many bytes: waits until they were not too fast. Errors: cancelled.
  Result<void> take(std::uint64_t bytes) {
    if (bytes_per_second_ > 0) wait(bytes);
    return run_.check();
  }

 private:
  void wait(std::uint64_t bytes) {
    const MonotonicTime now = clock_.monotonic();
    const double seconds = static_cast<double>(bytes) / static_cast<double>(bytes_per_second_);
    // Time in which nothing was read is not saved up.
    due_ = std::max(due_, now - MonotonicTime(std::chrono::seconds(1))) +
           std::chrono::duration_cast<MonotonicTime>(std::chrono::duration<double>(seconds));
    const std::stop_token token = run_.stop_token();
    const std::stop_callback wake(token, [this] {
      const std::lock_guard lock(mutex_);
      stopped_.notify_all();
    });
    std::unique_lock lock(mutex_);
    while (!token.stop_requested() && clock_.monotonic() < due_)
      clock_.wait_until(stopped_, lock, due_);
  }

  Clock& clock_;
  OperationRun& run_;
  const std::uint64_t bytes_per_second_;
  MonotonicTime due_;  // when the next bytes may be read
  std::mutex mutex_;
  std::condition_variable stopped_;
};

}  // namespace slipway
