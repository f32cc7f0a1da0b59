// Clock: where time comes from, so that tests and simulations can hold it still.
//
// The engine never asks the operating system for the time. Loops that wait do it through the
// clock, so that a ManualClock wakes them when a test advances it and no test ever sleeps.
//
// Thread safety: every member may be called from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>

#include <slipway/core/timestamp.hpp>

namespace slipway {

/// Monotonic time since an arbitrary start: for deadlines and measured durations.
using MonotonicTime = std::chrono::nanoseconds;

class Clock {
 public:
  virtual ~Clock() = default;

  /// Wall-clock time: what is stored and shown. May jump.
  [[nodiscard]] virtual Timestamp now() const = 0;

  /// Never goes back.
  [[nodiscard]] virtual MonotonicTime monotonic() const = 0;

  /// Waits on `condition` until it is notified or monotonic() reaches `deadline`. Like any wait on
  /// a condition variable it may return early: callers test what they wait for in a loop.
  /// `lock` must be held.
  virtual void wait_until(std::condition_variable& condition, std::unique_lock<std::mutex>& lock,
                          MonotonicTime deadline) = 0;

  /// The machine's clock. It lives as long as the program.
  static Clock& system();
};

/// A clock that stands still until told otherwise.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp start);

  [[nodiscard]] Timestamp now() const override;
  [[nodiscard]] MonotonicTime monotonic() const override;
  void wait_until(std::condition_variable& condition, std::unique_lock<std::mutex>& lock,
                  MonotonicTime deadline) override;

  /// Moves both times forward and wakes everyone who waits. The caller holds no lock that a waiter
  /// waits with.
  void advance(std::chrono::nanoseconds step);

 private:
  struct Waiter {
    std::condition_variable* condition;
    std::mutex* mutex;
    MonotonicTime told;  // the time that it has been woken for
    bool being_told = false;
  };

  mutable std::mutex mutex_;
  const Timestamp start_;
  std::condition_variable has_been_told_;
  std::chrono::nanoseconds passed_{0};  // guarded by mutex_
  std::list<Waiter> waiters_;           // guarded by mutex_
};

}  // namespace slipway
