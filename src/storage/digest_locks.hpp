// DigestLocks: one lock for each digest that somebody works on.
//
// Held over the two steps that no transaction joins: publishing an object and writing its row, and
// erasing a row and removing its object. Different digests never wait for each other.
//
// Thread safety: any thread.
#pragma once

#include <condition_variable>
#include <mutex>
#include <unordered_set>

#include <slipway/core/digest.hpp>

namespace slipway {

class DigestLocks {
 public:
  class Guard {
   public:
    Guard(DigestLocks& locks, const Digest& digest) : locks_(locks), digest_(digest) {
      std::unique_lock lock(locks_.mutex_);
      locks_.released_.wait(lock, [this] { return locks_.held_.insert(digest_).second; });
    }
    ~Guard() {
      const std::lock_guard lock(locks_.mutex_);
      locks_.held_.erase(digest_);
      locks_.released_.notify_all();
    }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    DigestLocks& locks_;
    const Digest digest_;
  };

 private:
  std::mutex mutex_;
  std::condition_variable released_;
  std::unordered_set<Digest> held_;  // guarded by mutex_
};

}  // namespace slipway
