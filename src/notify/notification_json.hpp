// The JSON forms of notifications and their deliveries: in the API, on the command line and in the
// store. docs/notifications.md.
//
// Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>

#include <slipway/core/result.hpp>
#include <slipway/notify/notification.hpp>

namespace slipway {

namespace json {
class Writer;
}

enum class NotificationSecret { hidden, shown };

void write_json(json::Writer& out, const Notification& notification, NotificationSecret secret);
/// With its secret. Errors: invalid_argument, too_large.
Result<Notification> parse_notification(std::string_view json);
/// As people write it. Errors: invalid_argument (which member), too_large.
Result<NotificationRequest> parse_notification_request(std::string_view json);

/// The members of one object that the caller begins and ends.
void write_members(json::Writer& out, const Notice& notice);
/// Errors: invalid_argument, too_large.
Result<Notice> parse_notice(std::string_view json);

}  // namespace slipway
