#include <algorithm>
#include <string>
#include <utility>

#include "build/delivery_json.hpp"
#include "http/build_routes.hpp"
#include "http/webhook_intake.hpp"
#include "json/writer.hpp"

namespace slipway {
namespace {

constexpr std::size_t usual_deliveries = 50;
constexpr std::size_t most_deliveries = 1000;

Result<void> list(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_TRY(const Trigger trigger, trigger_of_route(call));
  SLIPWAY_TRY(const std::size_t limit, limit_of(call.request, usual_deliveries, most_deliveries));
  const std::string after = query_parameter(call.request.query(), "after").value_or("");
  SLIPWAY_TRY(const DeliveryPage page, call.parts().deliveries.list(trigger.id, after, limit));
  if (page.more) add_next_link(call.request, {{"after", page.deliveries.back().id}}, response);
  json::Writer json;
  json.begin_object().key("deliveries").begin_array();
  for (const Delivery& delivery : page.deliveries) {
    json.begin_object();
    write_members(json, delivery);
    json.end_object();
  }
  json.end_array().end_object();
  respond_with_json(200, json.str(), response);
  return {};
}

Result<void> show(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_TRY(const Trigger trigger, trigger_of_route(call));
  DeliveryStore& deliveries = call.parts().deliveries;
  SLIPWAY_TRY(const Delivery delivery, deliveries.find(trigger.id, call.parameters[2]));
  SLIPWAY_TRY(const std::string body, deliveries.body(trigger.id, delivery.id));
  json::Writer json;
  json.begin_object();
  write_members(json, delivery);
  json.member("body", body).end_object();
  respond_with_json(200, json.str(), response);
  return {};
}

Result<void> replay(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_TRY(const Trigger trigger, trigger_of_route(call));
  DeliveryStore& deliveries = call.parts().deliveries;
  SLIPWAY_TRY(const Delivery delivery, deliveries.find(trigger.id, call.parameters[2]));
  SLIPWAY_TRY(const std::string body, deliveries.body(trigger.id, delivery.id));
  const WebhookFields fields = [&](std::string_view name) -> std::string_view {
    const auto found =
        std::find_if(delivery.fields.begin(), delivery.fields.end(),
                     [&](const auto& field) { return equal_ignoring_case(field.first, name); });
    return found == delivery.fields.end() ? std::string_view() : std::string_view(found->second);
  };
  call.parts().log.info("delivery replayed", {{"trigger", trigger.id},
                                              {"delivery", delivery.id},
                                              {"by", call.identity.name}});
  SLIPWAY_TRY(const TakenWebhook taken,
              take_webhook(call.parts(), trigger, fields, body, delivery.id));
  respond_with_taken(taken, response);
  return {};
}

}  // namespace

HttpAction list_deliveries(const ApiCallPointer& call, HttpResponse&) {
  return answer_blocking(call, list);
}

HttpAction show_delivery(const ApiCallPointer& call, HttpResponse&) {
  return answer_blocking(call, show);
}

HttpAction replay_delivery(const ApiCallPointer& call, HttpResponse&) {
  return answer_blocking(call, replay);
}

}  // namespace slipway
