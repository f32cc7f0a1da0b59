#include <utility>

#include "build/build_json.hpp"
#include "build/wait_explanation_json.hpp"
#include "http/build_routes.hpp"
#include "json/writer.hpp"

namespace slipway {
namespace {

/// Errors: unsupported.
Result<Scheduler*> scheduler_of(const ApiCall& call) {
  if (Scheduler* scheduler = call.parts().scheduler) return scheduler;
  return Error(ErrorCode::unsupported, "this server starts no builds: it has no scheduler");
}

/// What the caller may know: tenants by the repositories in which they may build.
void leave_out_invisible(const ApiCall& call, QueueOverview& overview) {
  for (QueueOverview::Tenant& tenant : overview.tenants)
    std::erase_if(tenant.repositories, [&](const RepositoryStanding& repository) {
      return call.parts().policy.decide(call.need, call.identity, {repository.name, {}}) !=
             AccessDecision::allowed;
    });
  std::erase_if(overview.tenants,
                [](const QueueOverview::Tenant& tenant) { return tenant.repositories.empty(); });
}

Result<void> respond_with_explanation(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_TRY(const Build build, visible_build(call, call.parameters.front()));
  SLIPWAY_TRY(Scheduler* const scheduler, scheduler_of(call));
  SLIPWAY_TRY(const WaitExplanation explanation, scheduler->explain(build));
  respond_with_json(200, to_json(explanation), response);
  return {};
}

Result<void> respond_with_overview(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_TRY(Scheduler* const scheduler, scheduler_of(call));
  SLIPWAY_TRY(QueueOverview overview, scheduler->overview());
  leave_out_invisible(call, overview);
  respond_with_json(200, to_json(overview), response);
  return {};
}

/// With `queue`, while it waits.
Result<void> respond_with_build(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_TRY(const Build build, visible_build(call, call.parameters.front()));
  json::Writer json;
  json.begin_object();
  write_members(json, build);
  if (build.state == BuildState::queued && call.parts().scheduler != nullptr) {
    SLIPWAY_TRY(const WaitExplanation told, call.parts().scheduler->explain(build));
    json.key("queue").begin_object();
    if (told.position) json.key("position").number(std::uint64_t{*told.position});
    json.member("why", told.why).end_object();
  }
  json.end_object();
  respond_with_json(200, json.str(), response);
  return {};
}

}  // namespace

HttpAction show_build(const ApiCallPointer& call, HttpResponse&) {
  return answer_blocking(call, respond_with_build);
}

HttpAction explain_build(const ApiCallPointer& call, HttpResponse&) {
  return answer_blocking(call, respond_with_explanation);
}

HttpAction show_queue(const ApiCallPointer& call, HttpResponse&) {
  return answer_blocking(call, respond_with_overview);
}

}  // namespace slipway
