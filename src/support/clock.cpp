#include <slipway/support/clock.hpp>

#include <algorithm>

namespace slipway {
namespace {

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }

  [[nodiscard]] MonotonicTime monotonic() const override {
    return std::chrono::steady_clock::now().time_since_epoch();
  }

  void wait_until(std::condition_variable& condition, std::unique_lock<std::mutex>& lock,
                  MonotonicTime deadline) override {
    // Later than the clock can count is never.
    if (deadline == MonotonicTime::max())
      condition.wait(lock);
    else
      condition.wait_until(lock, std::chrono::steady_clock::time_point(deadline));
  }
};

}  // namespace

Clock& Clock::system() {
  static SystemClock clock;
  return clock;
}

ManualClock::ManualClock(Timestamp start) : start_(start) {}

Timestamp ManualClock::now() const {
  const std::lock_guard guard(mutex_);
  return start_ + std::chrono::floor<std::chrono::milliseconds>(passed_);
}

MonotonicTime ManualClock::monotonic() const {
  const std::lock_guard guard(mutex_);
  return passed_;
}

void ManualClock::wait_until(std::condition_variable& condition, std::unique_lock<std::mutex>& lock,
                             MonotonicTime deadline) {
  std::list<Waiter>::iterator waiter;
  {
    const std::lock_guard guard(mutex_);
    if (passed_ >= deadline) return;
    waiter = waiters_.insert(waiters_.end(), Waiter{&condition, lock.mutex()});
  }
  condition.wait(lock);
  const std::lock_guard guard(mutex_);
  waiters_.erase(waiter);
}

void ManualClock::advance(std::chrono::nanoseconds step) {
  std::list<Waiter> waiters;
  {
    const std::lock_guard guard(mutex_);
    passed_ += step;
    waiters = waiters_;
  }
  // A waiter that registered holds its mutex until it sleeps: taking the mutex once means that the
  // notification cannot fall between the two.
  for (const Waiter& waiter : waiters) {
    { const std::lock_guard sleeping(*waiter.mutex); }
    waiter.condition->notify_all();
  }
}

}  // namespace slipway
