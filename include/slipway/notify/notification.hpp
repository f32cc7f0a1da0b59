// Notifications: other programs are told of builds and tags by signed webhooks.
//
// An administrator subscribes a URL to events of repositories. What is to be told is written in the
// transaction that changes the build or the tag, one delivery for each subscription that wants it,
// and sent from the outbox until the receiver answers 2xx or gives up for good: at least once, in no
// promised order. docs/notifications.md has the form of a delivery and how a receiver verifies it.
//
// Thread safety: plain values; NotificationStore from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/result.hpp>
#include <slipway/core/timestamp.hpp>
#include <slipway/storage/metadata_store.hpp>
#include <slipway/support/clock.hpp>

namespace slipway {

enum class NotificationEvent : std::uint8_t {
  build_queued,    // it was submitted
  build_started,   // a worker has it; again with each attempt
  build_finished,  // it succeeded, failed or was cancelled
  tag_pushed,      // a tag is new or names another manifest
  tag_deleted,     // by somebody, with its manifest, or by retention
  ping,            // asked for, to try a subscription
};

/// "build.queued", "tag.pushed".
std::string_view to_string(NotificationEvent event) noexcept;
std::optional<NotificationEvent> parse_notification_event(std::string_view text) noexcept;

/// What can be subscribed to: all but ping.
std::vector<NotificationEvent> all_notification_events();

struct NotificationRequest {
  std::string url;                  // at most 2,000 bytes
  std::string repositories = "**";  // a pattern, as of grants
  std::vector<NotificationEvent> events = all_notification_events();

  friend bool operator==(const NotificationRequest&, const NotificationRequest&) = default;
};

struct Notification {
  std::string id;  // ULID
  NotificationRequest request;
  std::string secret;  // "whsec_" and base64: what deliveries are signed with; shown once
  Timestamp created{};
};

/// One attempt to deliver.
struct NotificationAttempt {
  Timestamp at{};
  std::chrono::milliseconds took{};
  int status = 0;      // of HTTP; 0: there was no answer
  std::string error;   // empty: it was taken

  friend bool operator==(const NotificationAttempt&, const NotificationAttempt&) = default;
};

enum class NoticeState : std::uint8_t { pending, delivered, failed };
std::string_view to_string(NoticeState state) noexcept;

/// A delivery.
struct Notice {
  static constexpr std::size_t most_kept_attempts = 10;

  std::string id;            // ULID; the same in every attempt
  std::string notification;  // the subscription
  NotificationEvent event = NotificationEvent::ping;
  std::string repository;  // empty for a ping
  Timestamp created{};
  NoticeState state = NoticeState::pending;
  std::optional<Timestamp> next;              // when it is tried again; while it is pending
  std::uint64_t attempts = 0;                 // in all
  std::vector<NotificationAttempt> latest{};  // the oldest first, at most most_kept_attempts

  friend bool operator==(const Notice&, const Notice&) = default;
};

struct NoticePage {
  std::vector<Notice> notices;  // newest first
  bool more = false;
};

class NotificationStore {
 public:
  static constexpr std::size_t most_notifications = 100;  // since each change asks all of them

  /// Both must outlive it. `kept`: how long deliveries are kept.
  NotificationStore(MetadataStore& metadata, Clock& clock,
                    std::chrono::milliseconds kept = std::chrono::days(7))
      : metadata_(metadata), clock_(clock), kept_(kept) {}

  /// Errors: invalid_argument (URL, pattern, no event), quota_exceeded (there are too many), io.
  Result<Notification> create(const NotificationRequest& request);
  /// Errors: not_found, io, corrupt.
  Result<Notification> find(std::string_view id) const;
  /// In the order they were made. Errors: io, corrupt.
  Result<std::vector<Notification>> list() const;
  /// Its deliveries go with it; what is being sent may still arrive. Errors: not_found, io.
  Result<void> remove(std::string_view id);

  /// Sends a ping. Errors: not_found, io.
  Result<Notice> ping(std::string_view id);

  /// `after`: older than that delivery; empty: from the newest. Errors: invalid_argument, io, corrupt.
  Result<NoticePage> deliveries(std::string_view id, std::string_view after,
                                std::size_t limit) const;
  /// Errors: not_found, io, corrupt.
  Result<Notice> delivery(std::string_view id, std::string_view delivery) const;
  /// What is sent. Errors: as delivery.
  Result<std::string> body(std::string_view id, std::string_view delivery) const;
  /// Sends it again, at once, under the same id. Errors: as delivery.
  Result<Notice> redeliver(std::string_view id, std::string_view delivery);

  /// Removes deliveries that were made too long before `now` and are not pending, at most `limit`;
  /// answers how many. Errors: io, corrupt.
  Result<std::size_t> remove_old(Timestamp now, std::size_t limit);

 private:
  MetadataStore& metadata_;
  Clock& clock_;
  const std::chrono::milliseconds kept_;
};

}  // namespace slipway
