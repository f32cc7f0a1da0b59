#include <string>
#include <utility>

#include "http/build_routes.hpp"
#include "http/operation_stream.hpp"
#include "registry/operation_json.hpp"

namespace slipway {
namespace {

void respond_with_operation(int status, const Operation& operation, HttpResponse& response) {
  json::Writer json;
  write_json(json, operation);
  respond_with_json(status, json.str(), response);
}

Result<void> start(const ApiCall& call, std::string&& body, HttpResponse& response) {
  SLIPWAY_TRY(const Operation operation,
              call.parts().maintenance.start(call.parameters.front(),
                                             body.empty() ? std::string_view("{}") : body));
  call.parts().log.info("operation requested", {{"kind", operation.kind},
                                                {"operation", operation.id},
                                                {"by", call.identity.name}});
  response.add("Location", "/api/v1/admin/operations/" + operation.id);
  respond_with_operation(202, operation, response);
  return {};
}

Result<void> list(const ApiCall& call, HttpResponse& response) {
  json::Writer json;
  json.begin_object().key("operations").begin_array();
  for (const Operation& operation : call.parts().maintenance.list()) write_json(json, operation);
  json.end_array().end_object();
  respond_with_json(200, json.str(), response);
  return {};
}

Result<void> show(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_TRY(const bool follow, wants_to_follow(call.request));
  Maintenance& maintenance = call.parts().maintenance;
  SLIPWAY_TRY(const Operation operation, maintenance.find(call.parameters.front()));
  response.add("Cache-Control", "no-store");
  if (!follow) {
    respond_with_operation(200, operation, response);
    return {};
  }
  response.add("Content-Type", "application/x-ndjson");
  response.body() = make_operation_stream(maintenance, operation.id);
  return {};
}

Result<void> cancel(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_TRY(const Operation operation,
              call.parts().maintenance.cancel(call.parameters.front()));
  call.parts().log.info("operation cancelled",
                        {{"operation", operation.id}, {"by", call.identity.name}});
  respond_with_operation(202, operation, response);
  return {};
}

}  // namespace

HttpAction start_operation(const ApiCallPointer& call, HttpResponse&) {
  return answer_body(call, max_json_bytes, start);
}

HttpAction list_operations(const ApiCallPointer& call, HttpResponse& response) {
  return answer_now(call, list, response);
}

HttpAction show_operation(const ApiCallPointer& call, HttpResponse& response) {
  return answer_now(call, show, response);
}

HttpAction cancel_operation(const ApiCallPointer& call, HttpResponse& response) {
  return answer_now(call, cancel, response);
}

}  // namespace slipway
