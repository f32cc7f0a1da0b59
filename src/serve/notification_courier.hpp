// NotificationCourier: delivers notifications, signed as the Standard Webhooks specification says.
//
// Thread safety: any thread.
#pragma once

#include <string>
#include <string_view>

#include <slipway/core/timestamp.hpp>
#include <slipway/http/destination_rules.hpp>
#include <slipway/http/transport.hpp>
#include <slipway/notify/notification.hpp>
#include <slipway/support/clock.hpp>

#include "serve/courier.hpp"

namespace slipway {

struct NotificationCourierParts {
  MetadataStore& metadata;
  NotificationStore& notifications;
  HttpTransport& transport;
  Clock& clock;
  const DestinationRules& destinations;
};

class NotificationCourier final : public Courier {
 public:
  /// All must outlive it.
  explicit NotificationCourier(const NotificationCourierParts& parts) : parts_(parts) {}

  Result<Attempt> carry(const OutboxItem& item, const std::stop_token& stop) override;

 private:
  Attempt send(const Notification& notification, const std::string& id, std::string body,
               const std::stop_token& stop, NotificationAttempt& noted);

  const NotificationCourierParts parts_;
};

/// The field webhook-signature: "v1," and the base64 of HMAC-SHA256 over "<id>.<seconds>.<body>",
/// with the secret's bytes behind "whsec_" as the key. Errors: corrupt (the secret).
Result<std::string> notification_signature(std::string_view secret, std::string_view id,
                                           Timestamp at, std::string_view body);

}  // namespace slipway
