#include <slipway/notify/notification.hpp>

#include <algorithm>
#include <array>
#include <utility>

#include <slipway/support/hasher.hpp>
#include <slipway/support/ulid.hpp>

#include "json/writer.hpp"
#include "notify/notices.hpp"
#include "notify/notification_filter.hpp"
#include "notify/notification_json.hpp"
#include "notify/outbox.hpp"
#include "storage/key_space.hpp"
#include "storage/row_walk.hpp"
#include "storage/sealed_rows.hpp"
#include "support/format.hpp"
#include "support/url_parts.hpp"

namespace slipway {
namespace {

using key_space::Key;

constexpr std::size_t secret_bytes = 32;
constexpr std::size_t longest_url = 2000;
constexpr std::size_t longest_pattern = 300;
constexpr std::size_t deliveries_at_once = 500;

Key row_key(std::string_view id) {
  return std::move(Key(key_space::notification).text(id));
}

std::string list_prefix(std::string_view id) {
  return Key(key_space::notice_by_notification).text(id).str();
}

Error unknown_notification(std::string_view id) {
  return Error(ErrorCode::not_found,
               slipway::format("there is no notification {}", id.substr(0, ulid_size)));
}

Error unknown_delivery(std::string_view id, std::string_view delivery) {
  return Error(ErrorCode::not_found,
               slipway::format("notification {} has no delivery {}", id.substr(0, ulid_size),
                               delivery.substr(0, ulid_size)));
}

Result<void> check(const NotificationRequest& request) {
  if (request.url.size() > longest_url)
    return Error(ErrorCode::invalid_argument, "url: at most 2000 characters");
  if (const auto parts = split_url(request.url); !parts) return parts.error().in("url");
  if (request.repositories.empty() || request.repositories.size() > longest_pattern ||
      std::any_of(request.repositories.begin(), request.repositories.end(),
                  [](char c) { return c <= ' ' || c >= 0x7F; }))
    return Error(ErrorCode::invalid_argument,
                 "repositories: expected a pattern such as app/** of 1 to 300 characters");
  return {};
}

Result<Notification> read(const ReadView& view, const Sealer& sealer, std::string_view id) {
  if (!is_ulid(id)) return unknown_notification(id);
  SLIPWAY_TRY(const auto row, sealed_rows::get(view, sealer, row_key(id)));
  if (!row) return unknown_notification(id);
  auto notification = parse_notification(*row);
  if (!notification)
    return Error(ErrorCode::corrupt,
                 slipway::format("notification {}: {}", id, notification.error().message));
  return notification;
}

Result<Notice> read_delivery(const ReadView& view, std::string_view id, std::string_view delivery) {
  if (!is_ulid(id) || !is_ulid(delivery)) return unknown_delivery(id, delivery);
  SLIPWAY_TRY(auto notice, notices::find(view, delivery));
  if (!notice || notice->notification != id) return unknown_delivery(id, delivery);
  return std::move(*notice);
}

/// The delivery of a row in the list.
std::string delivery_of(std::string_view key) {
  key.remove_suffix(1);  // the zero byte behind a text part
  return std::string(key.substr(key.size() - std::min(key.size(), ulid_size)));
}

/// The first deliveries of a notification. Errors: io.
Result<std::vector<std::string>> first_deliveries(const ReadView& view, std::string_view id) {
  const std::string prefix = list_prefix(id);
  std::vector<std::string> deliveries;
  SLIPWAY_CHECK(each_row(view, prefix, [&](const Cursor& row) -> Result<bool> {
    deliveries.push_back(delivery_of(row.key()));
    return deliveries.size() < deliveries_at_once;
  }));
  return deliveries;
}

Result<void> erase_delivery(WriteTransaction& transaction, const std::string& delivery) {
  SLIPWAY_TRY(const auto notice, notices::find(transaction, delivery));
  return notice ? notices::erase(transaction, *notice) : Result<void>();
}

}  // namespace

Result<Notification> NotificationStore::create(const NotificationRequest& request) {
  SLIPWAY_CHECK(check(request));
  Notification notification;
  notification.created = clock_.now();
  notification.id = make_ulid(notification.created);
  notification.request = request;
  std::array<std::uint8_t, secret_bytes> secret{};
  fill_random(secret);
  notification.secret =
      "whsec_" + base64_encode({reinterpret_cast<const char*>(secret.data()), secret.size()});
  json::Writer row;
  write_json(row, notification, NotificationSecret::shown);
  const auto put = [&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_TRY(const auto others, notification_filters(transaction));
    if (others.size() >= most_notifications)
      return Error(ErrorCode::quota_exceeded,
                   slipway::format("there are {} notifications already: delete one first",
                                   others.size()));
    SLIPWAY_CHECK(put_filter(transaction, notification));
    return sealed_rows::put(transaction, metadata_.sealer(), row_key(notification.id), row.str());
  };
  SLIPWAY_CHECK(metadata_.write(put));
  return notification;
}

Result<Notification> NotificationStore::find(std::string_view id) const {
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  return read(*view, metadata_.sealer(), id);
}

Result<std::vector<Notification>> NotificationStore::list() const {
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  SLIPWAY_TRY(const auto filters, notification_filters(*view));
  std::vector<Notification> all;
  for (const NotificationFilter& filter : filters) {
    SLIPWAY_TRY(Notification notification, read(*view, metadata_.sealer(), filter.notification));
    all.push_back(std::move(notification));
  }
  return all;
}

Result<void> NotificationStore::remove(std::string_view id) {
  if (!is_ulid(id)) return unknown_notification(id);
  const auto unsubscribe = [&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_TRY(const bool there, transaction.erase(row_key(id)));
    if (!there) return unknown_notification(id);
    return erase_filter(transaction, id);
  };
  SLIPWAY_CHECK(metadata_.write(unsubscribe));
  // Nothing is added any more. What a crash leaves here goes when it is too old.
  std::size_t erased = 0;
  const auto erase_some = [&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_TRY(const auto deliveries, first_deliveries(transaction, id));
    for (const std::string& delivery : deliveries)
      SLIPWAY_CHECK(erase_delivery(transaction, delivery));
    erased = deliveries.size();
    return {};
  };
  do {
    SLIPWAY_CHECK(metadata_.write(erase_some));
  } while (erased > 0);
  return {};
}

Result<Notice> NotificationStore::ping(std::string_view id) {
  std::optional<Notice> notice;
  const auto put = [&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_TRY(const Notification notification, read(transaction, metadata_.sealer(), id));
    notices::Happening happening;
    happening.event = NotificationEvent::ping;
    SLIPWAY_TRY(notice, notices::put(transaction, id,
                                     outbox::destination_of(notification.request.url), happening,
                                     clock_.now()));
    return {};
  };
  SLIPWAY_CHECK(metadata_.write(put));
  return std::move(*notice);
}

Result<NoticePage> NotificationStore::deliveries(std::string_view id, std::string_view after,
                                                 std::size_t limit) const {
  if (!after.empty() && !is_ulid(after))
    return Error(ErrorCode::invalid_argument,
                 slipway::format("after: \"{}\" is not the id of a delivery", after.substr(0, 64)));
  const std::string prefix = list_prefix(id);
  NoticePage page;
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  const auto take = [&](const Cursor& row) -> Result<bool> {
    page.more = page.notices.size() == limit;
    if (page.more) return false;
    SLIPWAY_TRY(auto notice, notices::find(*view, delivery_of(row.key())));
    if (notice) page.notices.push_back(std::move(*notice));
    return true;
  };
  SLIPWAY_CHECK(each_row_backwards(*view, prefix, after, take));
  return page;
}

Result<Notice> NotificationStore::delivery(std::string_view id, std::string_view delivery) const {
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  return read_delivery(*view, id, delivery);
}

Result<std::string> NotificationStore::body(std::string_view id, std::string_view delivery) const {
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  SLIPWAY_TRY(const Notice notice, read_delivery(*view, id, delivery));
  return notices::body(*view, notice.id);
}

Result<Notice> NotificationStore::redeliver(std::string_view id, std::string_view delivery) {
  std::optional<Notice> again;
  const auto put = [&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_TRY(const Notification notification, read(transaction, metadata_.sealer(), id));
    SLIPWAY_TRY(again, read_delivery(transaction, id, delivery));
    again->state = NoticeState::pending;
    again->next = clock_.now();
    SLIPWAY_CHECK(notices::replace(transaction, *again));
    return outbox::put(transaction, OutboxKind::notification, again->id,
                       outbox::destination_of(notification.request.url), *again->next);
  };
  SLIPWAY_CHECK(metadata_.write(put));
  return std::move(*again);
}

Result<std::size_t> NotificationStore::remove_old(Timestamp now, std::size_t limit) {
  const Timestamp oldest_kept = now - kept_;
  std::size_t removed = 0;
  const auto remove = [&](WriteTransaction& transaction) -> Result<void> {
    removed = 0;
    std::vector<Notice> old;
    {
      constexpr std::string_view prefix = key_space::notice_by_notification;
      SLIPWAY_TRY(const auto cursor, transaction.cursor());
      SLIPWAY_TRY(bool found, cursor->seek(prefix));
      while (found && old.size() < limit && cursor->key().starts_with(prefix)) {
        const std::string delivery = delivery_of(cursor->key());
        if (const auto made = ulid_time(delivery); !made || *made >= oldest_kept) {
          const std::string_view key = cursor->key();  // the next notification's
          SLIPWAY_TRY(found, cursor->seek(std::string(key.substr(0, prefix.size() + ulid_size + 1)) +
                                          '\xFF'));
          continue;
        }
        SLIPWAY_TRY(auto notice, notices::find(transaction, delivery));
        if (notice && notice->state != NoticeState::pending) old.push_back(std::move(*notice));
        SLIPWAY_TRY(found, cursor->next());
      }
    }
    for (const Notice& notice : old) SLIPWAY_CHECK(notices::erase(transaction, notice));
    removed = old.size();
    return {};
  };
  SLIPWAY_CHECK(metadata_.write(remove));
  return removed;
}

}  // namespace slipway
