// What reaches the scheduler's loop from elsewhere: events of backends and the ends of calls.
//
// It is shared with whoever may still tell something when the scheduler is gone; then it is closed
// and takes nothing.
//
// Thread safety: any thread.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <slipway/build/backend.hpp>
#include <slipway/support/clock.hpp>

namespace slipway {

/// BuildBackend::start has returned.
struct StartEnded {
  std::string worker;
  Result<void> result;
  BackendRoom room;
};

/// BuildBackend::stop has returned.
struct StopEnded {
  std::string worker;
  Result<void> result;
  BackendRoom room;
};

struct RoomRead {
  BackendRoom room;
};

struct WorkersListed {
  Result<std::vector<BackendWorker>> workers;
};

struct SchedulerMessage {
  std::string backend;
  std::variant<BackendEvent, StartEnded, StopEnded, RoomRead, WorkersListed> what;
};

class SchedulerInbox {
 public:
  void post(SchedulerMessage message) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return;
      messages_.push_back(std::move(message));
      woken_ = true;
    }
    changed_.notify_all();
  }

  void wake() {
    {
      const std::lock_guard lock(mutex_);
      woken_ = true;
    }
    changed_.notify_all();
  }

  std::vector<SchedulerMessage> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(messages_, {});
  }

  /// Until someone wakes it, the deadline, or the end. False: it is closed.
  bool wait(Clock& clock, std::optional<MonotonicTime> deadline) {
    std::unique_lock lock(mutex_);
    while (!woken_ && !closed_ && !(deadline && clock.monotonic() >= *deadline)) {
      if (deadline)
        clock.wait_until(changed_, lock, *deadline);
      else
        changed_.wait(lock);
    }
    woken_ = false;
    return !closed_;
  }

  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      messages_.clear();
    }
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<SchedulerMessage> messages_;  // guarded by mutex_
  bool woken_ = false;                      // guarded by mutex_
  bool closed_ = false;                     // guarded by mutex_
};

}  // namespace slipway
