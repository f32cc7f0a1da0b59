// The routes of include/slipway/build/worker_protocol.hpp.

#include <array>
#include <string>
#include <utility>

#include <slipway/build/worker_protocol.hpp>
#include <slipway/build/worker_tokens.hpp>
#include <slipway/core/byte_range.hpp>
#include <slipway/core/media_type.hpp>
#include <slipway/http/build_handler.hpp>

#include "http/api.hpp"
#include "http/route_table.hpp"

namespace slipway {
namespace {

constexpr std::string_view prefix = "/worker/v1/";
constexpr std::string_view empty_object = "{}";

WorkerCredential credential(const ApiCall& call) {
  return WorkerCredential{call.identity.build, call.identity.epoch};
}

/// "registry.example.com:5000" of "https://registry.example.com:5000/".
std::string_view authority_of(std::string_view url) {
  if (const std::size_t mark = url.find("://"); mark != std::string_view::npos)
    url.remove_prefix(mark + 3);
  return url.substr(0, url.find('/'));
}

Result<void> register_worker(const ApiCall& call, std::string&& body, HttpResponse& response) {
  SLIPWAY_TRY(const RegisterCall asked, parse_register_call(body));
  SLIPWAY_TRY(Registration registration,
              call.parts().queue.register_worker(asked.registration_token, asked.nonce));
  const BuildHandlerOptions& options = call.api.options;
  WorkerInstructions instructions(std::move(registration.build));
  instructions.token = std::move(registration.token);
  instructions.registry = authority_of(options.public_url);
  instructions.registry_secure = options.public_url.starts_with("https://");
  instructions.log_offset = registration.log_offset;
  instructions.timeout = registration.timeout;
  instructions.heartbeat_interval = options.heartbeat_interval;
  instructions.git_protocols = options.git_protocols;
  instructions.secrets = std::move(registration.secrets);
  if (options.registry_logins)
    instructions.registries = options.registry_logins(instructions.build.tenant());
  if (options.layer_cache)
    instructions.layer_cache = layer_cache_of(instructions.build.request.repository.str());
  call.parts().log.info("worker registered",
                        {{"build", instructions.build.id}, {"platform", asked.platform}});
  response.add("Cache-Control", "no-store");
  respond_with_json(200, to_json(instructions), response);
  return {};
}

Result<void> heartbeat(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_CHECK(call.parts().queue.heartbeat(credential(call)));
  respond_with_json(200, empty_object, response);
  return {};
}

Result<void> begin_phase(const ApiCall& call, std::string&& body, HttpResponse& response) {
  SLIPWAY_TRY(const PhaseCall phase, parse_phase_call(body));
  SLIPWAY_CHECK(call.parts().queue.begin_phase(credential(call), phase.phase, phase.commit));
  respond_with_json(200, empty_object, response);
  return {};
}

Result<void> append_log(const ApiCall& call, std::string&& body, HttpResponse& response) {
  const auto text = query_parameter(call.request.query(), "offset");
  const auto offset = detail::parse_decimal(text.value_or(""));
  if (!offset)
    return Error(ErrorCode::invalid_argument, "log: the query needs offset=<whole number>");
  LogStore& logs = call.parts().logs;
  const auto size = logs.append(call.identity.build, *offset, body, call.identity.guard);
  if (size) {
    if (!body.empty()) call.parts().queue.note_output(credential(call));
    respond_with_json(200, "{\"size\":" + std::to_string(*size) + "}", response);
    return {};
  }
  if (size.error().code != ErrorCode::range_mismatch) return size.error();
  SLIPWAY_TRY(const std::uint64_t there, logs.size(call.identity.build));
  respond_with_json(416, "{\"size\":" + std::to_string(there) + "}", response);
  return {};
}

Result<void> send_context(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_TRY(const Build build, call.parts().queue.find(call.identity.build));
  const auto* context = std::get_if<ContextSource>(&build.request.source);
  if (context == nullptr)
    return Error(ErrorCode::not_found, "build " + build.id + " has a git source, no context");
  SLIPWAY_TRY(Blob blob,
              call.parts().registry.open_blob(context->held_by(build.request.repository),
                                              context->digest));
  response.add("Content-Type", context->media_type);
  fill_body(std::move(blob), response);
  return {};
}

Result<void> finish(const ApiCall& call, std::string&& body, HttpResponse& response) {
  SLIPWAY_TRY(const FinishCall finished, parse_finish_call(body));
  BuildQueue& queue = call.parts().queue;
  if (finished.digest)
    SLIPWAY_CHECK(queue.succeed(credential(call), *finished.digest, finished.usage));
  else
    SLIPWAY_CHECK(queue.fail(credential(call), *finished.failure, finished.usage));
  respond_with_json(200, empty_object, response);
  return {};
}

HttpAction on_register(const ApiCallPointer& call, HttpResponse&) {
  return answer_body(call, max_json_bytes, register_worker);
}
HttpAction on_heartbeat(const ApiCallPointer& call, HttpResponse&) {
  return answer_body(call, max_json_bytes, [](const ApiCall& c, std::string&&, HttpResponse& r) {
    return heartbeat(c, r);
  });
}
HttpAction on_phase(const ApiCallPointer& call, HttpResponse&) {
  return answer_body(call, max_json_bytes, begin_phase);
}
HttpAction on_log(const ApiCallPointer& call, HttpResponse&) {
  return answer_body(call, max_log_chunk, append_log);
}
HttpAction on_context(const ApiCallPointer& call, HttpResponse&) {
  return answer_blocking(call, send_context);
}
HttpAction on_finish(const ApiCallPointer& call, HttpResponse&) {
  return answer_body(call, max_json_bytes, finish);
}

constexpr auto routes = with_access(prefix, std::array{
    Route{HttpMethod::post, "register", "worker_register", on_register},
    Route{HttpMethod::post, "builds/{id}/heartbeat", "worker_heartbeat", on_heartbeat},
    Route{HttpMethod::post, "builds/{id}/phase", "worker_phase", on_phase},
    Route{HttpMethod::post, "builds/{id}/log", "worker_log", on_log},
    Route{HttpMethod::get, "builds/{id}/context", "worker_context", on_context},
    Route{HttpMethod::post, "builds/{id}/finish", "worker_finish", on_finish},
});

class WorkerHandler final : public HttpHandler {
 public:
  WorkerHandler(const BuildHandlerParts& parts, const BuildHandlerOptions& options)
      : api_{parts, options} {}

  HttpAction handle(const HttpRequest& request, HttpResponse& response) override {
    RouteLookup lookup = find_route(routes, request.method, path_behind(request, prefix));
    if (!lookup.match) {
      respond_no_route(lookup, response);
      return HttpDone();
    }
    const Route& route = *lookup.match->route;
    auto call = std::make_shared<ApiCall>(
        ApiCall{api_, request, Identity(), std::move(lookup.match->parameters), route.need});
    if (const auto allowed = admit(*call); !allowed) {
      respond_with_error(allowed.error(), response);
      return HttpDone();
    }
    return route.answer(call, response);
  }

  [[nodiscard]] std::string_view route_name(const HttpRequest& request) const noexcept override {
    return find_route_name(routes, path_behind(request, prefix));
  }

 private:
  /// A worker's token dies with its attempt, so whoever has one that nobody knows any more is told
  /// to stop. Errors: unauthenticated, conflict, denied, io.
  Result<void> admit(ApiCall& call) const {
    const bool invited = call.need.kind == AccessNeed::Kind::invitation;
    if (!invited) {
      auto identity = api_.parts.authenticator.identify(call.request.field("authorization"));
      if (!identity && identity.error().code == ErrorCode::unauthenticated)
        return Error(ErrorCode::conflict, "this worker's attempt is over: stop");
      SLIPWAY_TRY(call.identity, std::move(identity));
    }
    return api_.parts.policy.check(call.need, call.identity,
                                   {{}, invited ? "" : std::string_view(call.parameters.front())});
  }

  const Api api_;
};

}  // namespace

std::unique_ptr<HttpHandler> make_worker_handler(const BuildHandlerParts& parts,
                                                 const BuildHandlerOptions& options) {
  return std::make_unique<WorkerHandler>(parts, options);
}

}  // namespace slipway
