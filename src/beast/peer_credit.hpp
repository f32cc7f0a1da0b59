// PeerCredit: how long a peer may still keep its connection waiting in the middle of a body or of
// an answer.
//
// A new body or answer begins with stall_timeout. Waiting spends it, and each byte that moves earns
// 1/rate of a second, up to stall_timeout again. So a peer that stops is given up after that time,
// one that moves slower than the rate soon after, and one that is faster may pause as long as ever.
//
// Thread safety: none; on the connection's I/O thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include <slipway/support/clock.hpp>

namespace slipway::beast {

class PeerCredit {
 public:
  /// `rate` in bytes a second; 0: any byte earns all.
  PeerCredit(std::chrono::nanoseconds most, std::uint64_t rate) noexcept
      : most_(most), rate_(rate), left_(most) {}

  void renew() noexcept { left_ = most_; }

  /// From here on the peer is waited for.
  void begin_wait(MonotonicTime now) noexcept { waits_since_ = now; }
  void end_wait(MonotonicTime now) noexcept {
    left_ -= std::min<std::chrono::nanoseconds>(left_, now - waits_since_);
  }
  void earn(std::uint64_t bytes) noexcept {
    if (bytes == 0) return;
    const double seconds = rate_ == 0 ? std::chrono::duration<double>(most_).count()
                                      : static_cast<double>(bytes) / static_cast<double>(rate_);
    const std::chrono::duration<double> whole = std::chrono::duration<double>(left_) +
                                                std::chrono::duration<double>(seconds);
    left_ = whole >= most_ ? most_ : std::chrono::duration_cast<std::chrono::nanoseconds>(whole);
  }

  [[nodiscard]] std::chrono::nanoseconds left() const noexcept { return left_; }

 private:
  const std::chrono::nanoseconds most_;
  const std::uint64_t rate_;
  std::chrono::nanoseconds left_;
  MonotonicTime waits_since_{};
};

}  // namespace slipway::beast
