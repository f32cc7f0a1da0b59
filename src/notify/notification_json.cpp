#include "notify/notification_json.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "json/object_reader.hpp"
#include "json/writer.hpp"

namespace slipway {
namespace {

constexpr std::array<std::pair<NotificationEvent, std::string_view>, 6> event_names{{
    {NotificationEvent::build_queued, "build.queued"},
    {NotificationEvent::build_started, "build.started"},
    {NotificationEvent::build_finished, "build.finished"},
    {NotificationEvent::tag_pushed, "tag.pushed"},
    {NotificationEvent::tag_deleted, "tag.deleted"},
    {NotificationEvent::ping, "ping"},
}};

constexpr std::array<std::pair<NoticeState, std::string_view>, 3> state_names{{
    {NoticeState::pending, "pending"},
    {NoticeState::delivered, "delivered"},
    {NoticeState::failed, "failed"},
}};

/// `ping`: it may be one.
Result<void> read_event(json::Value value, const std::string& path, bool ping,
                        NotificationEvent& out) {
  const auto event = parse_notification_event(value.text());
  if (!event || (*event == NotificationEvent::ping && !ping))
    return json::mistake(path,
                         "build.queued, build.started, build.finished, tag.pushed or tag.deleted",
                         value);
  out = *event;
  return {};
}

void read_request(json::ObjectReader& object, NotificationRequest& request) {
  object.require("url", request.url);
  object.read("repositories", request.repositories);
  std::vector<NotificationEvent> events;
  object.read_each("events", [&](json::Value value, const std::string& path) -> Result<void> {
    NotificationEvent event{};
    SLIPWAY_CHECK(read_event(value, path, false, event));
    if (std::find(events.begin(), events.end(), event) == events.end()) events.push_back(event);
    return {};
  });
  if (!events.empty()) request.events = std::move(events);
}

void write_attempt(json::Writer& out, const NotificationAttempt& attempt) {
  out.begin_object().member("at", to_rfc3339(attempt.at));
  out.key("took_ms").number(static_cast<std::int64_t>(attempt.took.count()));
  if (attempt.status != 0) out.key("status").number(attempt.status);
  out.member_if("error", attempt.error).end_object();
}

Result<void> read_attempt(json::Value value, const std::string& path,
                          std::vector<NotificationAttempt>& out) {
  NotificationAttempt attempt;
  std::int64_t took = 0;
  json::ObjectReader object(value, path);
  object.require("at", json::time_into(attempt.at));
  object.read("took_ms", took);
  object.read("status", attempt.status);
  object.read("error", attempt.error);
  SLIPWAY_CHECK(object.finish());
  attempt.took = std::chrono::milliseconds(took);
  out.push_back(std::move(attempt));
  return {};
}

}  // namespace

std::string_view to_string(NotificationEvent event) noexcept {
  for (const auto& [known, name] : event_names)
    if (known == event) return name;
  return "?";
}

std::optional<NotificationEvent> parse_notification_event(std::string_view text) noexcept {
  for (const auto& [event, name] : event_names)
    if (name == text) return event;
  return std::nullopt;
}

std::vector<NotificationEvent> all_notification_events() {
  std::vector<NotificationEvent> events;
  for (const auto& [event, name] : event_names)
    if (event != NotificationEvent::ping) events.push_back(event);
  return events;
}

std::string_view to_string(NoticeState state) noexcept {
  for (const auto& [known, name] : state_names)
    if (known == state) return name;
  return "?";
}

void write_json(json::Writer& out, const Notification& notification, NotificationSecret secret) {
  out.begin_object().member("id", notification.id).member("url", notification.request.url);
  out.member("repositories", notification.request.repositories).key("events").begin_array();
  for (const NotificationEvent event : notification.request.events) out.string(to_string(event));
  out.end_array().member("created", to_rfc3339(notification.created));
  if (secret == NotificationSecret::shown) out.member("secret", notification.secret);
  out.end_object();
}

Result<Notification> parse_notification(std::string_view text) {
  SLIPWAY_TRY(const json::Document document, json::Document::parse(text));
  Notification notification;
  json::ObjectReader object(document.root(), "");
  object.require("id", notification.id);
  read_request(object, notification.request);
  object.require("secret", notification.secret);
  object.require("created", json::time_into(notification.created));
  SLIPWAY_CHECK(object.finish());
  return notification;
}

Result<NotificationRequest> parse_notification_request(std::string_view text) {
  SLIPWAY_TRY(const json::Document document, json::Document::parse(text));
  NotificationRequest request;
  json::ObjectReader object(document.root(), "");
  read_request(object, request);
  SLIPWAY_CHECK(object.finish(json::ObjectReader::Unknown::refused));
  return request;
}

void write_members(json::Writer& out, const Notice& notice) {
  out.member("id", notice.id).member("notification", notice.notification);
  out.member("event", to_string(notice.event)).member_if("repository", notice.repository);
  out.member("created", to_rfc3339(notice.created)).member("state", to_string(notice.state));
  if (notice.next) out.member("next", to_rfc3339(*notice.next));
  out.key("attempts").number(notice.attempts).key("latest").begin_array();
  for (const NotificationAttempt& attempt : notice.latest) write_attempt(out, attempt);
  out.end_array();
}

Result<Notice> parse_notice(std::string_view text) {
  SLIPWAY_TRY(const json::Document document, json::Document::parse(text));
  Notice notice;
  json::ObjectReader object(document.root(), "");
  object.require("id", notice.id);
  object.require("notification", notice.notification);
  object.require("event", [&](json::Value value, const std::string& path) {
    return read_event(value, path, true, notice.event);
  });
  object.read("repository", notice.repository);
  object.require("created", json::time_into(notice.created));
  object.require("state", [&](json::Value value, const std::string& path) -> Result<void> {
    for (const auto& [state, name] : state_names) {
      if (name != value.text()) continue;
      notice.state = state;
      return {};
    }
    return json::mistake(path, "pending, delivered or failed", value);
  });
  object.read("next", json::time_into(notice.next));
  object.read("attempts", notice.attempts);
  object.read_each("latest", [&](json::Value value, const std::string& path) {
    return read_attempt(value, path, notice.latest);
  });
  SLIPWAY_CHECK(object.finish());
  return notice;
}

}  // namespace slipway
