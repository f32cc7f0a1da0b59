#include <string>
#include <utility>

#include "http/build_routes.hpp"
#include "json/writer.hpp"
#include "notify/notification_json.hpp"

namespace slipway {
namespace {

constexpr std::size_t usual_deliveries = 50;
constexpr std::size_t most_deliveries = 1000;

void respond(int status, const Notice& notice, HttpResponse& response) {
  json::Writer json;
  json.begin_object();
  write_members(json, notice);
  json.end_object();
  respond_with_json(status, json.str(), response);
}

void respond(int status, const Notification& notification, NotificationSecret secret,
             HttpResponse& response) {
  json::Writer json;
  write_json(json, notification, secret);
  respond_with_json(status, json.str(), response);
}

Result<void> create(const ApiCall& call, std::string&& body, HttpResponse& response) {
  SLIPWAY_TRY(const NotificationRequest request, parse_notification_request(body));
  SLIPWAY_CHECK(check_destination(call, "url", request.url));
  SLIPWAY_TRY(const Notification notification, call.parts().notifications.create(request));
  call.parts().log.info("notification created", {{"notification", notification.id},
                                                 {"repositories", request.repositories},
                                                 {"by", call.identity.name}});
  response.add("Cache-Control", "no-store");
  response.add("Location", "/api/v1/admin/notifications/" + notification.id);
  respond(201, notification, NotificationSecret::shown, response);
  return {};
}

Result<void> list(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_TRY(const auto notifications, call.parts().notifications.list());
  json::Writer json;
  json.begin_object().key("notifications").begin_array();
  for (const Notification& notification : notifications)
    write_json(json, notification, NotificationSecret::hidden);
  json.end_array().end_object();
  respond_with_json(200, json.str(), response);
  return {};
}

Result<void> show(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_TRY(const Notification notification,
              call.parts().notifications.find(call.parameters[0]));
  respond(200, notification, NotificationSecret::hidden, response);
  return {};
}

Result<void> remove(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_CHECK(call.parts().notifications.remove(call.parameters[0]));
  call.parts().log.info("notification deleted",
                        {{"notification", call.parameters[0]}, {"by", call.identity.name}});
  response.status = 204;
  return {};
}

Result<void> ping(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_TRY(const Notice notice, call.parts().notifications.ping(call.parameters[0]));
  respond(202, notice, response);
  return {};
}

Result<void> deliveries(const ApiCall& call, HttpResponse& response) {
  NotificationStore& store = call.parts().notifications;
  SLIPWAY_TRY(const Notification notification, store.find(call.parameters[0]));
  SLIPWAY_TRY(const std::size_t limit, limit_of(call.request, usual_deliveries, most_deliveries));
  const std::string after = query_parameter(call.request.query(), "after").value_or("");
  SLIPWAY_TRY(const NoticePage page, store.deliveries(notification.id, after, limit));
  if (page.more && !page.notices.empty())
    add_next_link(call.request, {{"after", page.notices.back().id}}, response);
  json::Writer json;
  json.begin_object().key("deliveries").begin_array();
  for (const Notice& notice : page.notices) {
    json.begin_object();
    write_members(json, notice);
    json.end_object();
  }
  json.end_array().end_object();
  respond_with_json(200, json.str(), response);
  return {};
}

Result<void> delivery(const ApiCall& call, HttpResponse& response) {
  NotificationStore& store = call.parts().notifications;
  SLIPWAY_TRY(const Notice notice, store.delivery(call.parameters[0], call.parameters[1]));
  SLIPWAY_TRY(const std::string body, store.body(call.parameters[0], call.parameters[1]));
  json::Writer json;
  json.begin_object();
  write_members(json, notice);
  json.member("body", body).end_object();
  respond_with_json(200, json.str(), response);
  return {};
}

Result<void> redeliver(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_TRY(const Notice notice,
              call.parts().notifications.redeliver(call.parameters[0], call.parameters[1]));
  call.parts().log.info("notification sent again",
                        {{"delivery", notice.id}, {"by", call.identity.name}});
  respond(202, notice, response);
  return {};
}

}  // namespace

HttpAction create_notification(const ApiCallPointer& call, HttpResponse&) {
  return answer_body(call, max_json_bytes, create);
}

HttpAction list_notifications(const ApiCallPointer& call, HttpResponse&) {
  return answer_blocking(call, list);
}

HttpAction show_notification(const ApiCallPointer& call, HttpResponse&) {
  return answer_blocking(call, show);
}

HttpAction delete_notification(const ApiCallPointer& call, HttpResponse&) {
  return answer_blocking(call, remove);
}

HttpAction ping_notification(const ApiCallPointer& call, HttpResponse&) {
  return answer_blocking(call, ping);
}

HttpAction list_notices(const ApiCallPointer& call, HttpResponse&) {
  return answer_blocking(call, deliveries);
}

HttpAction show_notice(const ApiCallPointer& call, HttpResponse&) {
  return answer_blocking(call, delivery);
}

HttpAction redeliver_notice(const ApiCallPointer& call, HttpResponse&) {
  return answer_blocking(call, redeliver);
}

}  // namespace slipway
