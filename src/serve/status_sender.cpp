#include "serve/status_sender.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "build/commit_status.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

constexpr std::size_t most_pending = 10'000;
constexpr std::chrono::seconds patience{10};
constexpr std::chrono::hours longest_pause{1};
/// With pauses of 1 s, 2 s and so on to an hour: about a day.
constexpr std::uint64_t most_attempts = 34;
/// After the outbox could not be read.
constexpr std::chrono::seconds pause_after_failure{5};

std::chrono::milliseconds pause_after(std::uint64_t attempts) {
  const std::uint64_t seconds = std::uint64_t{1} << std::min<std::uint64_t>(attempts, 12);
  return std::min<std::chrono::milliseconds>(std::chrono::seconds(seconds), longest_pause);
}

}  // namespace

void StatusSender::run() {
  subscription_ = parts_.metadata.subscribe(outbox_topic, [this] {
    const std::lock_guard lock(mutex_);
    wake_ = true;
    woken_.notify_all();
  });
  thread_ = std::jthread([this](const std::stop_token& stop) { loop(stop); });
}

void StatusSender::stop() {
  subscription_.reset();
  if (!thread_.joinable()) return;
  thread_.request_stop();
  {
    const std::lock_guard lock(mutex_);
    woken_.notify_all();
  }
  thread_.join();
}

void StatusSender::loop(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    auto next = send_due(stop);
    if (!next) {
      parts_.log.error("commit statuses not sent", {{"why", next.error().message}});
      next = std::optional(parts_.clock.now() + pause_after_failure);
    }
    const MonotonicTime until =
        *next ? parts_.clock.monotonic() +
                    std::max<std::chrono::nanoseconds>(**next - parts_.clock.now(),
                                                       std::chrono::nanoseconds(0))
              : MonotonicTime::max();
    std::unique_lock lock(mutex_);
    while (!wake_ && !stop.stop_requested() && parts_.clock.monotonic() < until)
      parts_.clock.wait_until(woken_, lock, until);
    wake_ = false;
  }
}

Result<std::optional<Timestamp>> StatusSender::send_due(const std::stop_token& stop) {
  std::vector<PendingStatus> all;
  {
    SLIPWAY_TRY(const auto view, parts_.metadata.snapshot());
    SLIPWAY_TRY(all, pending_statuses(*view, most_pending));
  }
  std::optional<Timestamp> next;
  const auto also = [&next](Timestamp due) { next = next ? std::min(*next, due) : due; };
  for (const PendingStatus& pending : all) {
    if (stop.stop_requested()) break;
    if (pending.due > parts_.clock.now()) {
      also(pending.due);
      continue;
    }
    SLIPWAY_TRY(const Outcome outcome, send(pending, stop));
    if (outcome == Outcome::done) {
      SLIPWAY_CHECK(settle_status(parts_.metadata, pending));
      continue;
    }
    const Timestamp due = parts_.clock.now() + pause_after(pending.attempts);
    SLIPWAY_CHECK(postpone_status(parts_.metadata, pending, due));
    also(due);
  }
  return next;
}

Result<StatusSender::Outcome> StatusSender::send(const PendingStatus& pending,
                                                 const std::stop_token& stop) {
  const auto build = parts_.queue.find(pending.build);
  if (!build && build.error().code == ErrorCode::not_found) return Outcome::done;
  if (!build) return build.error();
  const auto trigger = parts_.triggers.find(build->request.trigger->id);
  if (!trigger && trigger.error().code == ErrorCode::not_found) return Outcome::done;
  if (!trigger) return trigger.error();
  if (trigger->request.status_token.empty()) return Outcome::done;
  auto status = commit_status_request(
      *trigger, *build, slipway::format("{}/api/v1/builds/{}", public_url_, build->id));
  if (status && !status->url.starts_with("https://"))
    status = Error(ErrorCode::denied, "commit statuses are sent over https only");
  if (!status) {
    parts_.log.warning("commit status given up",
                       {{"build", pending.build}, {"why", status.error().message}});
    return Outcome::done;
  }
  OutgoingRequest request;
  request.method = HttpMethod::post;
  request.url = std::move(status->url);
  request.fields = std::move(status->fields);
  request.body = std::move(status->body);
  request.timeout = patience;
  return judge(pending, parts_.transport.send(request, {}, stop));
}

StatusSender::Outcome StatusSender::judge(const PendingStatus& pending,
                                          const Result<IncomingResponse>& answer) {
  if (answer && answer->status >= 200 && answer->status < 300) return Outcome::done;
  const bool passing = !answer || answer->status >= 500 || answer->status == 408 ||
                       answer->status == 429;
  const bool again = passing && pending.attempts + 1 < most_attempts;
  const std::string why = answer ? slipway::format("the provider answered {}: {}", answer->status,
                                                   answer->body.substr(0, 300))
                                 : answer.error().message;
  parts_.log.warning(again ? "commit status postponed" : "commit status given up",
                     {{"build", pending.build}, {"why", why}});
  return again ? Outcome::again : Outcome::done;
}

}  // namespace slipway
