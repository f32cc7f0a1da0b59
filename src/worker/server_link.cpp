#include "worker/server_link.hpp"

#include <algorithm>

namespace slipway {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds first_delay{200};
constexpr milliseconds last_delay{60'000};

bool may_be_repeated(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::timed_out ||
         error.code == ErrorCode::io;
}

Error no_answer(const Result<IncomingResponse>& last) {
  return Error(ErrorCode::unavailable,
               "the server does not answer: " +
                   (last ? "status " + std::to_string(last->status) : last.error().message));
}

}  // namespace

bool means_later(int status) noexcept {
  return status == 408 || status == 429 || status >= 500;
}

bool means_over(int status) noexcept {
  return status == 401 || status == 403 || status == 404 || status == 409 || status == 410;
}

Result<IncomingResponse> ServerLink::send_once(const OutgoingRequest& request, std::stop_token stop,
                                               const BodySink& sink) {
  auto response = transport_.send(request, sink, std::move(stop));
  if (response && !means_later(response->status)) {
    const std::lock_guard lock(mutex_);
    ++answers_;
    changed_.notify_all();
  }
  return response;
}

Result<IncomingResponse> ServerLink::send(const MakeRequest& make, milliseconds patience,
                                          std::stop_token stop, const BodySink& sink) {
  const MonotonicTime begin = clock_.monotonic();
  for (milliseconds delay = first_delay;; delay = std::min(delay * 2, last_delay)) {
    auto response = send_once(make(), stop, sink);
    if (response && !means_later(response->status)) return response;
    if (stop.stop_requested()) return Error(ErrorCode::cancelled, "the call was stopped");
    if (!response && !may_be_repeated(response.error())) return response;
    if (patience.count() > 0 && clock_.monotonic() - begin + delay > patience)
      return no_answer(response);
    pause(delay, stop);
    if (stop.stop_requested()) return Error(ErrorCode::cancelled, "the call was stopped");
  }
}

bool ServerLink::wait_until(MonotonicTime moment, const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  });
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested() && clock_.monotonic() < moment)
    clock_.wait_until(changed_, lock, moment);
  return !stop.stop_requested();
}

void ServerLink::pause(milliseconds delay, const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  });
  std::unique_lock lock(mutex_);
  const std::uint64_t answers = answers_;
  const auto half = std::chrono::nanoseconds(delay) / 2;
  std::uniform_int_distribution<std::int64_t> jitter(0, half.count());
  const MonotonicTime moment =
      clock_.monotonic() + half + std::chrono::nanoseconds(jitter(random_));
  while (!stop.stop_requested() && answers_ == answers && clock_.monotonic() < moment)
    clock_.wait_until(changed_, lock, moment);
}

}  // namespace slipway
