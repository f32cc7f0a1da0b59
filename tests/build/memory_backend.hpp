// A BuildBackend whose workers are entries of a table: what the contract suite and the scheduler's
// tests run against. Tests decide what its calls answer and when its workers end.
#pragma once

#include <slipway/build/backend.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "support/format.hpp"

namespace slipway::test {

class MemoryBackend final : public BuildBackend {
 public:
  explicit MemoryBackend(std::string name = "memory", unsigned slots = 4)
      : name_(std::move(name)), slots_(slots) {}

  [[nodiscard]] std::string_view name() const noexcept override { return name_; }

  Result<void> start(const WorkerRequest& request) override {
    std::function<Result<void>(const WorkerRequest&)> hook;
    {
      const std::lock_guard lock(mutex_);
      hook = on_start;
    }
    if (hook) SLIPWAY_CHECK(hook(request));
    {
      const std::lock_guard lock(mutex_);
      calls_.push_back("start " + request.name);
      if (workers_.contains(request.name)) return {};
      if (workers_.size() >= slots_)
        return Error(ErrorCode::unavailable, slipway::format("all {} slots are in use", slots_));
      workers_[request.name] = {request, true};
    }
    tell({BackendEvent::Kind::started, request.name, ""});
    return {};
  }

  Result<void> stop(std::string_view worker) override {
    {
      const std::lock_guard lock(mutex_);
      calls_.push_back(std::string("stop ").append(worker));
      if (stops_fail > 0) {
        --stops_fail;
        return Error(ErrorCode::unavailable, "the service does not answer");
      }
      if (workers_.erase(std::string(worker)) == 0) return {};
    }
    tell({BackendEvent::Kind::room, "", ""});
    return {};
  }

  Result<std::vector<BackendWorker>> list() override {
    const std::lock_guard lock(mutex_);
    if (lists_fail > 0) {
      --lists_fail;
      return Error(ErrorCode::unavailable, "the service does not answer");
    }
    std::vector<BackendWorker> workers;
    for (const auto& [worker, entry] : workers_) workers.push_back({worker, entry.running});
    return workers;
  }

  [[nodiscard]] BackendRoom room() override {
    const std::lock_guard lock(mutex_);
    const unsigned used = static_cast<unsigned>(workers_.size());
    BackendRoom room{slots_ - std::min(slots_, used), slots_, ""};
    if (room.free == 0) room.why = slipway::format("all {} slots are in use", slots_);
    if (room.free == 0 && claims_room) room = {1, slots_, ""};
    return room;
  }

  void on_event(std::function<void(const BackendEvent&)> listener) override {
    const std::lock_guard lock(mutex_);
    listener_ = std::move(listener);
  }

  // ---- what tests do to it ----

  /// The worker's process ends.
  void end(const std::string& worker, const std::string& detail = "exit status 1") {
    {
      const std::lock_guard lock(mutex_);
      const auto found = workers_.find(worker);
      if (found == workers_.end() || !found->second.running) return;
      found->second.running = false;
    }
    tell({BackendEvent::Kind::exited, worker, detail});
  }

  void tell(const BackendEvent& event) {
    std::function<void(const BackendEvent&)> listener;
    {
      const std::lock_guard lock(mutex_);
      listener = listener_;
    }
    if (listener) listener(event);
  }

  /// Somebody else's doing: a worker that is there, or gone, without anyone being told.
  void put(const std::string& worker, bool running = true) {
    const std::lock_guard lock(mutex_);
    workers_[worker] = {WorkerRequest{}, running};
  }
  void lose(const std::string& worker) {
    const std::lock_guard lock(mutex_);
    workers_.erase(worker);
  }

  void set_slots(unsigned slots) {
    const std::lock_guard lock(mutex_);
    slots_ = slots;
  }

  [[nodiscard]] std::vector<std::string> take_calls() {
    const std::lock_guard lock(mutex_);
    return std::exchange(calls_, {});
  }
  [[nodiscard]] std::vector<WorkerRequest> requests() {
    const std::lock_guard lock(mutex_);
    std::vector<WorkerRequest> found;
    for (const auto& [worker, entry] : workers_) found.push_back(entry.request);
    return found;
  }
  [[nodiscard]] std::string token_of(const std::string& worker) {
    const std::lock_guard lock(mutex_);
    return workers_.at(worker).request.registration_token;
  }
  [[nodiscard]] bool has(const std::string& worker) {
    const std::lock_guard lock(mutex_);
    return workers_.contains(worker);
  }

  /// Asked before each start; an error is its answer. Set before the scheduler runs.
  std::function<Result<void>(const WorkerRequest&)> on_start;
  unsigned stops_fail = 0;  // as many stops answer an error
  unsigned lists_fail = 0;
  bool claims_room = false;  // although there is none

 private:
  struct Entry {
    WorkerRequest request;
    bool running = true;
  };

  const std::string name_;
  std::mutex mutex_;
  unsigned slots_;                                     // guarded by mutex_
  std::map<std::string, Entry> workers_;               // guarded by mutex_
  std::vector<std::string> calls_;                     // guarded by mutex_
  std::function<void(const BackendEvent&)> listener_;  // guarded by mutex_
};

}  // namespace slipway::test
