#include "serve/notification_courier.hpp"

#include <chrono>
#include <utility>

#include <slipway/support/hasher.hpp>

#include "notify/notices.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

constexpr std::string_view secret_prefix = "whsec_";

std::int64_t seconds_of(Timestamp time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

/// What is written of an attempt, together with what becomes of the outbox.
Result<void> record(WriteTransaction& transaction, const std::string& id,
                    const NotificationAttempt& attempt, bool taken) {
  SLIPWAY_TRY(auto notice, notices::find(transaction, id));
  if (!notice) return {};
  ++notice->attempts;
  if (notice->latest.size() >= Notice::most_kept_attempts)
    notice->latest.erase(notice->latest.begin());
  notice->latest.push_back(attempt);
  // It waits when it is tried again, and when it was asked for anew while this was sent.
  SLIPWAY_TRY(const auto waits, outbox::find(transaction, id));
  notice->next.reset();
  if (waits)
    notice->next = waits->due;
  else
    notice->state = taken ? NoticeState::delivered : NoticeState::failed;
  return notices::replace(transaction, *notice);
}

}  // namespace

Result<std::string> notification_signature(std::string_view secret, std::string_view id,
                                           Timestamp at, std::string_view body) {
  std::string key;
  if (!secret.starts_with(secret_prefix) ||
      !base64_decode(secret.substr(secret_prefix.size()), key))
    return Error(ErrorCode::corrupt, "a notification's secret is malformed");
  const auto code = hmac_sha256(key, slipway::format("{}.{}.{}", id, seconds_of(at), body));
  return "v1," + base64_encode({reinterpret_cast<const char*>(code.data()), code.size()});
}

Result<Attempt> NotificationCourier::carry(const OutboxItem& item, const std::stop_token& stop) {
  std::optional<Notice> notice;
  std::string body;
  {
    SLIPWAY_TRY(const auto view, parts_.metadata.snapshot());
    SLIPWAY_TRY(notice, notices::find(*view, item.id));
    if (!notice) return Attempt{};
    SLIPWAY_TRY(body, notices::body(*view, item.id));
  }
  const auto notification = parts_.notifications.find(notice->notification);
  if (!notification && notification.error().code == ErrorCode::not_found) {
    Attempt gone;  // its deliveries go with it
    gone.record = [notice](WriteTransaction& transaction) {
      return notices::erase(transaction, *notice);
    };
    return gone;
  }
  if (!notification) return notification.error();
  NotificationAttempt noted;
  Attempt attempt = send(*notification, item.id, std::move(body), stop, noted);
  noted.error = attempt.why;
  const bool taken = attempt.outcome == Attempt::Outcome::done;
  attempt.record = [id = item.id, noted, taken](WriteTransaction& transaction) {
    return record(transaction, id, noted, taken);
  };
  return attempt;
}

Attempt NotificationCourier::send(const Notification& notification, const std::string& id,
                                  std::string body, const std::stop_token& stop,
                                  NotificationAttempt& noted) {
  noted.at = parts_.clock.now();
  if (const auto allowed = parts_.destinations.check_url(notification.request.url); !allowed)
    return refuse(allowed.error());
  const auto signature = notification_signature(notification.secret, id, noted.at, body);
  if (!signature) return refuse(signature.error());
  OutgoingRequest request = bounded_post(notification.request.url);
  request.fields = {{"Content-Type", "application/cloudevents+json; charset=utf-8"},
                    {"webhook-id", id},
                    {"webhook-timestamp", std::to_string(seconds_of(noted.at))},
                    {"webhook-signature", *signature}};
  request.body = std::move(body);
  const MonotonicTime begin = parts_.clock.monotonic();
  const auto answer = parts_.transport.send(request, {}, stop);
  noted.took = std::chrono::duration_cast<std::chrono::milliseconds>(parts_.clock.monotonic() - begin);
  if (answer) noted.status = answer->status;
  Attempt attempt = judge(answer);
  // A receiver that is being repaired may refuse anything; one that says 410 wants no more of it.
  const bool gone = answer && answer->status == 410;
  if (answer && attempt.outcome == Attempt::Outcome::refused && !gone)
    attempt.outcome = Attempt::Outcome::failed;
  return attempt;
}

}  // namespace slipway
