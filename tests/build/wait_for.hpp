// Waits for what another thread will tell: no sleeps, no limits of time; a test that hangs is ended
// by its runner.
#pragma once

#include <condition_variable>
#include <mutex>
#include <utility>

namespace slipway::test {

template <class T>
class Told {
 public:
  /// Changes the value under its lock and tells whoever waits.
  template <class Change>
  void change(const Change& apply) {
    {
      const std::lock_guard lock(mutex_);
      apply(value_);
    }
    changed_.notify_all();
  }

  template <class Predicate>
  T wait_until(const Predicate& predicate) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return predicate(value_); });
    return value_;
  }

  T get() {
    const std::lock_guard lock(mutex_);
    return value_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  T value_{};
};

}  // namespace slipway::test
