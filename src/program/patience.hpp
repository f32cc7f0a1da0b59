// Patience: how long a command goes on asking a server that is away.
//
// Thread safety: none.
#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

#include <slipway/core/error.hpp>

namespace slipway {

/// A connection that broke or was refused, a server that is starting.
inline bool worth_another_try(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::timed_out ||
         error.code == ErrorCode::io;
}

class Patience {
 public:
  /// The server is there.
  void answered() {
    last_answer_ = Clock::now();
    pause_ = first_pause;
  }

  /// It has not answered for two minutes.
  [[nodiscard]] bool is_over() const { return Clock::now() - last_answer_ > limit; }

  /// Waits before the next try, each time longer.
  void pause() {
    std::this_thread::sleep_for(pause_);
    pause_ = std::min(pause_ * 2, last_pause);
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::minutes limit{2};
  static constexpr std::chrono::milliseconds first_pause{100};
  static constexpr std::chrono::milliseconds last_pause{5'000};

  Clock::time_point last_answer_ = Clock::now();
  std::chrono::milliseconds pause_ = first_pause;
};

}  // namespace slipway
