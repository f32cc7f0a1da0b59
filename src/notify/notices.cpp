#include "notify/notices.hpp"

#include <utility>
#include <vector>

#include <slipway/auth/access_policy.hpp>
#include <slipway/support/ulid.hpp>

#include "json/writer.hpp"
#include "notify/notification_filter.hpp"
#include "notify/notification_json.hpp"
#include "notify/outbox.hpp"
#include "storage/key_space.hpp"
#include "support/format.hpp"

namespace slipway::notices {
namespace {

using key_space::Key;

Key record_key(std::string_view delivery) {
  return std::move(Key(key_space::notice).text(delivery));
}

Key body_key(std::string_view delivery) {
  return std::move(Key(key_space::notice_body).text(delivery));
}

Key list_key(const Notice& notice) {
  return std::move(
      Key(key_space::notice_by_notification).text(notice.notification).text(notice.id));
}

}  // namespace

std::string cloud_event(std::string_view delivery, const Happening& happening, Timestamp now) {
  json::Writer json;
  json.begin_object().member("specversion", "1.0").member("id", delivery);
  json.member("source", happening.repository.empty()
                            ? std::string("/api/v1")
                            : slipway::format("/api/v1/repositories/{}", happening.repository));
  json.member("type", slipway::format("slipway.{}", to_string(happening.event)));
  json.member_if("subject", happening.subject);
  json.member("time", to_rfc3339(now)).member("datacontenttype", "application/json");
  json.key("data").raw(happening.data ? happening.data() : "{}").end_object();
  return json.take();
}

Result<void> announce(WriteTransaction& transaction, const Happening& happening, Timestamp now) {
  SLIPWAY_TRY(const auto filters, notification_filters(transaction));
  for (const NotificationFilter& filter : filters) {
    if (!filter.wants(happening.event, happening.repository)) continue;
    SLIPWAY_CHECK(put(transaction, filter.notification, filter.destination, happening, now));
  }
  return {};
}

Result<Notice> put(WriteTransaction& transaction, std::string_view notification,
                   std::string_view destination, const Happening& happening, Timestamp now) {
  Notice notice;
  notice.id = make_ulid(now);
  notice.notification = notification;
  notice.event = happening.event;
  notice.repository = happening.repository;
  notice.created = now;
  notice.next = now;
  SLIPWAY_CHECK(transaction.put(body_key(notice.id), cloud_event(notice.id, happening, now)));
  SLIPWAY_CHECK(transaction.put(list_key(notice), ""));
  SLIPWAY_CHECK(replace(transaction, notice));
  SLIPWAY_CHECK(outbox::put(transaction, OutboxKind::notification, notice.id, destination, now));
  return notice;
}

Result<std::optional<Notice>> find(const ReadView& view, std::string_view delivery) {
  SLIPWAY_TRY(const auto row, view.get(record_key(delivery)));
  if (!row) return std::optional<Notice>();
  auto notice = parse_notice(*row);
  if (!notice)
    return Error(ErrorCode::corrupt,
                 slipway::format("notification {}: {}", delivery, notice.error().message));
  return std::optional(std::move(*notice));
}

Result<std::string> body(const ReadView& view, std::string_view delivery) {
  SLIPWAY_TRY(const auto row, view.get(body_key(delivery)));
  if (!row)
    return Error(ErrorCode::corrupt, slipway::format("notification {} has no body", delivery));
  return std::string(*row);
}

Result<void> replace(WriteTransaction& transaction, const Notice& notice) {
  json::Writer json;
  json.begin_object();
  write_members(json, notice);
  json.end_object();
  return transaction.put(record_key(notice.id), json.str());
}

Result<void> erase(WriteTransaction& transaction, const Notice& notice) {
  SLIPWAY_CHECK(transaction.erase(record_key(notice.id)));
  SLIPWAY_CHECK(transaction.erase(body_key(notice.id)));
  SLIPWAY_CHECK(transaction.erase(list_key(notice)));
  return outbox::withdraw(transaction, notice.id);
}

}  // namespace slipway::notices
