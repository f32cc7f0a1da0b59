// The rows of notifications and their deliveries, and what is written together. Prefixes:
// storage/key_space.hpp.
//
// Thread safety: pure functions over a view; those with a transaction run inside the caller's write.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <slipway/core/result.hpp>
#include <slipway/core/timestamp.hpp>
#include <slipway/notify/notification.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway::notices {

/// What happened. `data` is asked for only when somebody wants to be told.
struct Happening {
  NotificationEvent event = NotificationEvent::ping;
  std::string_view repository;
  std::string_view subject;           // a build's id, a tag
  std::function<std::string()> data;  // a JSON object
};

/// In the transaction in which it happens: a delivery for each subscription that wants it. One seek
/// where there is none. Errors: io, corrupt, quota_exceeded.
Result<void> announce(WriteTransaction& transaction, const Happening& happening, Timestamp now);

/// One delivery, to this subscription whatever it wants. Errors: io, quota_exceeded.
Result<Notice> put(WriteTransaction& transaction, std::string_view notification,
                   std::string_view destination, const Happening& happening, Timestamp now);

/// Errors: io, corrupt.
Result<std::optional<Notice>> find(const ReadView& view, std::string_view delivery);
/// Errors: io, corrupt (it is not there).
Result<std::string> body(const ReadView& view, std::string_view delivery);
/// REQUIRES: it is there. Errors: io, quota_exceeded.
Result<void> replace(WriteTransaction& transaction, const Notice& notice);
/// All of its rows, in the outbox too. Errors: io, corrupt.
Result<void> erase(WriteTransaction& transaction, const Notice& notice);

/// What a notification's body is: a CloudEvent (version 1.0.2, JSON format).
std::string cloud_event(std::string_view delivery, const Happening& happening, Timestamp now);

}  // namespace slipway::notices
