// StreamWake: the wake-up of a BodyStream. It may be called from any thread, at any time, also
// after its connection and the server have gone.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "beast/asio.hpp"

namespace slipway::beast {

class StreamWake final : public std::enable_shared_from_this<StreamWake> {
 public:
  /// `wake` runs on the thread of `executor`.
  StreamWake(Executor executor, std::function<void()> wake)
      : executor_(std::move(executor)), wake_(std::move(wake)) {}

  /// From any thread. Calls that come before the last one was delivered are one.
  void call() {
    const std::lock_guard lock(mutex_);
    if (detached_ || posted_) return;
    posted_ = true;
    asio::post(executor_, [self = shared_from_this()] { self->deliver(); });
  }

  /// On the executor's thread: nothing is delivered from now on.
  void detach() noexcept {
    const std::lock_guard lock(mutex_);
    detached_ = true;
  }

 private:
  void deliver() {
    {
      const std::lock_guard lock(mutex_);
      posted_ = false;
      if (detached_) return;
    }
    wake_();  // only this thread detaches
  }

  const Executor executor_;
  const std::function<void()> wake_;
  std::mutex mutex_;
  bool posted_ = false;    // guarded by mutex_
  bool detached_ = false;  // guarded by mutex_
};

}  // namespace slipway::beast
