// What a subscription wants, in a row that is read in every transaction that could concern it: so
// without its secret, and small.
//
// Thread safety: pure functions over a view.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/result.hpp>
#include <slipway/notify/notification.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

struct NotificationFilter {
  std::string notification;
  std::uint64_t events = 0;  // a bit each, by its place in NotificationEvent
  std::string destination;   // for the outbox
  std::string repositories;  // a pattern

  [[nodiscard]] bool wants(NotificationEvent event, std::string_view repository) const noexcept;
};

/// Errors: io, quota_exceeded.
Result<void> put_filter(WriteTransaction& transaction, const Notification& notification);
/// Errors: io.
Result<void> erase_filter(WriteTransaction& transaction, std::string_view notification);

/// All there are. Errors: io, corrupt.
Result<std::vector<NotificationFilter>> notification_filters(const ReadView& view);

}  // namespace slipway
