// BodyMemory: what a server holds of request bodies that it keeps whole until they are complete
// (webhooks, manifests), over all connections.
//
// Thread safety: any thread; a Share belongs to one connection.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace slipway::beast {

class BodyMemory {
 public:
  explicit BodyMemory(std::size_t most) noexcept : most_(most) {}

  /// What one body holds. Gives it back when it goes.
  class Share {
   public:
    explicit Share(BodyMemory& memory) noexcept : memory_(memory) {}
    ~Share() { release(); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    /// False: there is no room for that many bytes more.
    [[nodiscard]] bool grow(std::size_t bytes) noexcept {
      if (memory_.held_.fetch_add(bytes, std::memory_order_relaxed) + bytes > memory_.most_) {
        memory_.held_.fetch_sub(bytes, std::memory_order_relaxed);
        return false;
      }
      bytes_ += bytes;
      return true;
    }
    void release() noexcept {
      memory_.held_.fetch_sub(std::exchange(bytes_, 0), std::memory_order_relaxed);
    }

   private:
    BodyMemory& memory_;
    std::size_t bytes_ = 0;
  };

 private:
  const std::size_t most_;
  std::atomic<std::size_t> held_{0};
};

}  // namespace slipway::beast
