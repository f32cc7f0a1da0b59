#include <utility>

#include "build/git_url.hpp"
#include "build/trigger_json.hpp"
#include "http/build_routes.hpp"
#include "json/writer.hpp"

namespace slipway {
namespace {

std::string hook_url(const ApiCall& call, const Trigger& trigger) {
  std::string_view base = call.api.options.public_url;
  while (base.ends_with('/')) base.remove_suffix(1);
  return std::string(base) + "/hooks/" + trigger.id;
}

void respond_with_trigger(int status, const ApiCall& call, const Trigger& trigger,
                          TriggerSecret secret, HttpResponse& response) {
  json::Writer json;
  write_json(json, trigger, secret, hook_url(call, trigger));
  respond_with_json(status, json.str(), response);
}

Result<void> create(const ApiCall& call, std::string&& body, HttpResponse& response) {
  SLIPWAY_TRY(const RepositoryName repository, repository_of(call));
  SLIPWAY_TRY(const TriggerRequest request, parse_trigger_request(repository, body));
  SLIPWAY_CHECK(check_git_url(request.git_url, call.api.options.git_protocols));
  if (!request.status_api.empty())
    SLIPWAY_CHECK(check_destination(call, "status.api", request.status_api));
  SLIPWAY_TRY(const Trigger trigger, call.parts().triggers.create(request));
  call.parts().log.info(
      "trigger created",
      {{"trigger", trigger.id}, {"repository", repository.str()}, {"by", call.identity.name}});
  response.add("Cache-Control", "no-store");
  response.add("Location", "/api/v1/repositories/" + repository.str() + "/triggers/" + trigger.id);
  respond_with_trigger(201, call, trigger, TriggerSecret::shown, response);
  return {};
}

Result<void> list(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_TRY(const RepositoryName repository, repository_of(call));
  SLIPWAY_TRY(const auto triggers, call.parts().triggers.list(repository));
  json::Writer json;
  json.begin_object().key("triggers").begin_array();
  for (const Trigger& trigger : triggers)
    write_json(json, trigger, TriggerSecret::hidden, hook_url(call, trigger));
  json.end_array().end_object();
  respond_with_json(200, json.str(), response);
  return {};
}

Result<void> show(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_TRY(const Trigger trigger, trigger_of_route(call));
  respond_with_trigger(200, call, trigger, TriggerSecret::hidden, response);
  return {};
}

Result<void> remove(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_TRY(const RepositoryName repository, repository_of(call));
  SLIPWAY_CHECK(call.parts().triggers.remove(repository, call.parameters.back()));
  call.parts().log.info("trigger deleted", {{"trigger", call.parameters.back()},
                                            {"repository", repository.str()},
                                            {"by", call.identity.name}});
  response.status = 204;
  return {};
}

Result<void> resume(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_TRY(const Trigger paused, trigger_of_route(call));
  SLIPWAY_TRY(const Trigger trigger, call.parts().triggers.resume(paused.id));
  call.parts().log.info("trigger resumed", {{"trigger", trigger.id}, {"by", call.identity.name}});
  respond_with_trigger(200, call, trigger, TriggerSecret::hidden, response);
  return {};
}

}  // namespace

Result<Trigger> trigger_of_route(const ApiCall& call) {
  SLIPWAY_TRY(const RepositoryName repository, repository_of(call));
  const std::string& id = call.parameters[1];
  auto trigger = call.parts().triggers.find(id);
  if (trigger ? trigger->request.repository != repository
              : trigger.error().code == ErrorCode::not_found)
    return Error(ErrorCode::not_found,
                 "repository " + repository.str() + " has no trigger " + id);
  return trigger;
}

HttpAction create_trigger(const ApiCallPointer& call, HttpResponse&) {
  return answer_body(call, max_json_bytes, create);
}

HttpAction list_triggers(const ApiCallPointer& call, HttpResponse&) {
  return answer_blocking(call, list);
}

HttpAction show_trigger(const ApiCallPointer& call, HttpResponse& response) {
  return answer_point_read(call, show, response);
}

HttpAction resume_trigger(const ApiCallPointer& call, HttpResponse&) {
  return answer_blocking(call, resume);
}

HttpAction delete_trigger(const ApiCallPointer& call, HttpResponse&) {
  return answer_blocking(call, remove);
}

}  // namespace slipway
