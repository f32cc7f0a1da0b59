// ServerLink: calls to a server that may be away for a while.
//
// A call that was not answered (or was answered with "later": 408, 429, 5xx) is repeated with a
// growing and jittered delay, up to a minute; the first answer to any call ends every other's
// delay.
//
// Thread safety: any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <random>
#include <stop_token>
#include <string>

#include <slipway/core/result.hpp>
#include <slipway/http/transport.hpp>
#include <slipway/support/clock.hpp>

namespace slipway {

class ServerLink {
 public:
  /// Everything must outlive the link.
  ServerLink(HttpTransport& transport, Clock& clock) : transport_(transport), clock_(clock) {}

  /// Makes the request anew for each try: a body that streams begins again.
  using MakeRequest = std::function<OutgoingRequest()>;

  /// Once. Errors: the transport's.
  Result<IncomingResponse> send_once(const OutgoingRequest& request, std::stop_token stop,
                                     const BodySink& sink = {});

  /// Until it is answered, for at most `patience` (0: for ever). Errors: unavailable (nobody
  /// answered), cancelled, and what repeating cannot mend.
  Result<IncomingResponse> send(const MakeRequest& make, std::chrono::milliseconds patience,
                                std::stop_token stop, const BodySink& sink = {});

  /// Waits until the moment. False: it was stopped before.
  bool wait_until(MonotonicTime moment, const std::stop_token& stop);

  [[nodiscard]] Clock& clock() const noexcept { return clock_; }

 private:
  /// A delay that ends early when some call is answered.
  void pause(std::chrono::milliseconds delay, const std::stop_token& stop);

  HttpTransport& transport_;
  Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t answers_ = 0;                        // guarded by mutex_
  std::minstd_rand random_{std::random_device{}()};  // guarded by mutex_
};

/// The statuses that mean "not now".
bool means_later(int status) noexcept;

/// The statuses with which the server tells a worker that its attempt is over: 409 in so many
/// words, the others because the attempt's token is none any more.
bool means_over(int status) noexcept;

}  // namespace slipway
