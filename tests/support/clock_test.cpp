#include <slipway/support/clock.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

namespace slipway {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp start(1'700'000'000'000ms);

TEST(ManualClock, MovesOnlyWhenTold) {
  ManualClock clock(start);
  EXPECT_EQ(clock.now(), start);
  EXPECT_EQ(clock.monotonic(), 0s);
  clock.advance(1500us);
  EXPECT_EQ(clock.now(), start + 1ms);
  EXPECT_EQ(clock.monotonic(), 1500us);
}

/// Waits on the clock in a thread of its own until the deadline or until `woken` is set.
struct Sleeper {
  Sleeper(ManualClock& clock, MonotonicTime deadline)
      : thread([this, &clock, deadline] {
          std::unique_lock lock(mutex);
          while (!woken && clock.monotonic() < deadline) clock.wait_until(condition, lock, deadline);
        }) {}

  std::mutex mutex;
  std::condition_variable condition;
  bool woken = false;
  std::thread thread;
};

// A lost wake-up would hang here: the advance falls anywhere before, while or after the wait begins.
TEST(ManualClock, AdvanceWakesWhoeverWaits) {
  for (int round = 0; round < 500; ++round) {
    ManualClock clock(start);
    Sleeper sleeper(clock, 10s);
    clock.advance(4s);
    clock.advance(6s);
    sleeper.thread.join();
  }
}

TEST(ManualClock, ANotificationWakesBeforeTheDeadline) {
  ManualClock clock(start);
  Sleeper sleeper(clock, 10s);
  {
    const std::lock_guard guard(sleeper.mutex);
    sleeper.woken = true;
  }
  sleeper.condition.notify_all();
  sleeper.thread.join();
  EXPECT_EQ(clock.monotonic(), 0s);
}

// Two threads advance; the one that comes second must not touch a waiter that the first has woken
// and that is gone. ThreadSanitizer sees it when it does.
TEST(ManualClock, AWaiterMayDestroyItsConditionAsSoonAsItWakes) {
  ManualClock clock(start);
  std::atomic<bool> done = false;
  const auto advance = [&] {
    while (!done) clock.advance(1ns);
  };
  std::thread first(advance);
  std::thread second(advance);
  for (int round = 0; round < 1000; ++round) {
    const auto sleeper = std::make_unique<std::pair<std::mutex, std::condition_variable>>();
    std::unique_lock lock(sleeper->first);
    clock.wait_until(sleeper->second, lock, MonotonicTime::max());
    EXPECT_TRUE(lock.owns_lock());
  }
  done = true;
  first.join();
  second.join();
}

TEST(SystemClock, GoesForward) {
  Clock& clock = Clock::system();
  const MonotonicTime before = clock.monotonic();
  EXPECT_GE(clock.monotonic(), before);
  EXPECT_GT(clock.now(), Timestamp(1'700'000'000'000ms));
  std::mutex mutex;
  std::condition_variable condition;
  std::unique_lock lock(mutex);
  clock.wait_until(condition, lock, before);  // a deadline that has passed does not wait
}

}  // namespace
}  // namespace slipway
