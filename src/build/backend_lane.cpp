#include "build/backend_lane.hpp"

#include <utility>

namespace slipway {

namespace {

/// Calls to one backend at a time.
constexpr unsigned lane_threads = 4;

}  // namespace

void BackendLane::call(Urgency urgency, Call call) {
  std::unique_lock lock(mutex_);
  if (stopping_) return;
  if (!running_) {
    lock.unlock();
    call(backend_);
    return;
  }
  (urgency == Urgency::start ? starts_ : others_).push_back(std::move(call));
  lock.unlock();
  changed_.notify_one();
}

void BackendLane::run() {
  {
    const std::lock_guard lock(mutex_);
    if (running_ || stopping_) return;
    running_ = true;
  }
  for (unsigned i = 0; i < lane_threads; ++i) threads_.emplace_back([this] { work(); });
}

void BackendLane::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    starts_.clear();
    others_.clear();
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void BackendLane::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !starts_.empty() || !others_.empty(); });
    if (stopping_) return;
    std::deque<Call>& from = starts_.empty() ? others_ : starts_;
    const Call call = std::move(from.front());
    from.pop_front();
    lock.unlock();
    call(backend_);
    lock.lock();
  }
}

}  // namespace slipway
