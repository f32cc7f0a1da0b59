#include <slipway/support/clock.hpp>

#include <gtest/gtest.h>

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
