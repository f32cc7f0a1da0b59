// BackendLane: the calls to one backend, on threads of their own, so that a slow service holds up
// nobody but itself.
//
// Until `run` each call is made at once on the caller's thread: what a test with a ManualClock
// wants.
//
// Thread safety: `call` from any thread; the others from one.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include <slipway/build/backend.hpp>

namespace slipway {

class BackendLane {
 public:
  using Call = std::function<void(BuildBackend&)>;
  enum class Urgency { start, other };  // starts go first: somebody waits for them

  /// The backend must outlive the lane.
  explicit BackendLane(BuildBackend& backend) : backend_(backend) {}
  ~BackendLane() { stop(); }
  BackendLane(const BackendLane&) = delete;
  BackendLane& operator=(const BackendLane&) = delete;

  void call(Urgency urgency, Call call);

  void run();
  /// Waits for the calls that are being made and drops those that wait.
  void stop();

 private:
  void work();

  BuildBackend& backend_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Call> starts_;  // guarded by mutex_
  std::deque<Call> others_;  // guarded by mutex_
  bool running_ = false;     // guarded by mutex_
  bool stopping_ = false;    // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace slipway
