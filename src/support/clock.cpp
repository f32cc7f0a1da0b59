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
    waiter = waiters_.insert(waiters_.end(), Waiter{&condition, lock.mutex(), passed_});
  }
  condition.wait(lock);
  // Whoever tells this waiter still needs its mutex and its condition, which its owner may destroy
  // as soon as this returns.
  lock.unlock();
  {
    std::unique_lock guard(mutex_);
    has_been_told_.wait(guard, [&] { return !waiter->being_told; });
    waiters_.erase(waiter);
  }
  lock.lock();
}

void ManualClock::advance(std::chrono::nanoseconds step) {
  std::unique_lock guard(mutex_);
  passed_ += step;
  const auto next = [this] {
    return std::find_if(waiters_.begin(), waiters_.end(), [this](const Waiter& waiter) {
      return waiter.told < passed_ && !waiter.being_told;
    });
  };
  for (auto waiter = next(); waiter != waiters_.end(); waiter = next()) {
    waiter->told = passed_;
    waiter->being_told = true;
    guard.unlock();
    // A waiter that registered holds its mutex until it sleeps: taking the mutex once means that
    // the notification cannot fall between the two.
    { const std::lock_guard sleeping(*waiter->mutex); }
    waiter->condition->notify_all();
    guard.lock();
    waiter->being_told = false;
    has_been_told_.notify_all();
  }
}

}  // namespace slipway
