// POST /hooks/{trigger id}.
//
// Whoever does not hold the trigger's secret learns nothing, not even whether there is such a
// trigger: an unknown id and a wrong signature get the same 401, after the same work.

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <slipway/build/trigger.hpp>
#include <slipway/http/build_handler.hpp>
#include <slipway/support/hasher.hpp>

#include "build/build_json.hpp"
#include "build/webhook.hpp"
#include "http/access_table.hpp"
#include "http/api.hpp"
#include "http/route_table.hpp"
#include "json/writer.hpp"

namespace slipway {
namespace {

constexpr std::string_view prefix = "/hooks/";
static_assert(access_of(HttpMethod::post, prefix, "{trigger}") == access::signature);

class WebhookHandler final : public HttpHandler {
 public:
  WebhookHandler(const BuildHandlerParts& parts, const BuildHandlerOptions& options)
      : api_{parts, options}, unknown_secret_(random_hex(32)) {}

  HttpAction handle(const HttpRequest& request, HttpResponse& response) override {
    if (!is_hook(request)) {
      respond_no_route({}, response);
      return HttpDone();
    }
    if (request.method != HttpMethod::post) {
      respond_no_route({std::nullopt, "POST"}, response);
      return HttpDone();
    }
    auto finish = [this, &request](std::string&& body, HttpResponse& answer) {
      if (const auto done = receive(request, body, answer); !done) {
        answer.clear();
        respond_with_error(done.error(), answer);
      }
    };
    return HttpReceive{receive_whole_body(max_webhook_bytes, std::move(finish), respond_with_error),
                       max_webhook_bytes, true};
  }

  [[nodiscard]] std::string_view route_name(const HttpRequest& request) const noexcept override {
    return is_hook(request) ? "hook" : "none";
  }

 private:
  static bool is_hook(const HttpRequest& request) noexcept {
    const std::string_view id = path_behind(request, prefix);
    return !id.empty() && id.find('/') == std::string_view::npos;
  }

  Result<void> receive(const HttpRequest& request, std::string_view body, HttpResponse& response) {
    const WebhookFields fields = [&request](std::string_view name) { return request.field(name); };
    const std::string_view id = path_behind(request, prefix);
    auto trigger = api_.parts.triggers.find(id);
    if (!trigger && trigger.error().code != ErrorCode::not_found) return trigger.error();
    const auto genuine =
        trigger ? verify_webhook(trigger->request.provider, trigger->secret, fields, body)
                : verify_webhook(GitProvider::github, unknown_secret_, fields, body);
    if (!trigger || !genuine) {
      api_.parts.log.warning("webhook refused", {{"trigger", std::string(id.substr(0, 26))},
                                                 {"peer", std::string(request.peer)}});
      return Error(ErrorCode::unauthenticated,
                   "there is no such hook, or its signature is missing or wrong");
    }
    SLIPWAY_TRY(const auto event, parse_webhook(trigger->request.provider, fields, body));
    if (const auto* ignored = std::get_if<IgnoredEvent>(&event))
      return respond_ignored(*trigger, ignored->reason, response);
    return submit_all(*trigger, std::get<std::vector<PushEvent>>(event), response);
  }

  Result<void> submit_all(const Trigger& trigger, const std::vector<PushEvent>& pushes,
                          HttpResponse& response) {
    std::vector<Build> builds;
    std::string reasons;
    for (const PushEvent& push : pushes) {
      const auto decision = match_trigger(trigger, push);
      if (const auto* ignored = std::get_if<IgnoredEvent>(&decision)) {
        reasons.append(reasons.empty() ? "" : "; ").append(ignored->reason);
        continue;
      }
      SLIPWAY_TRY(Build build, api_.parts.queue.submit(std::get<BuildRequest>(decision)));
      api_.parts.log.info("webhook started a build", {{"trigger", trigger.id},
                                                      {"delivery", push.delivery},
                                                      {"build", build.id},
                                                      {"ref", push.ref}});
      builds.push_back(std::move(build));
    }
    if (builds.empty()) return respond_ignored(trigger, reasons, response);
    json::Writer json;
    json.begin_object().key("builds").begin_array();
    for (const Build& build : builds) write_json(json, build);
    json.end_array().end_object();
    respond_with_json(202, json.str(), response);
    return {};
  }

  Result<void> respond_ignored(const Trigger& trigger, std::string_view reason,
                               HttpResponse& response) {
    api_.parts.log.info("webhook ignored",
                        {{"trigger", trigger.id}, {"reason", std::string(reason)}});
    json::Writer json;
    json.begin_object().key("ignored").string(reason).end_object();
    respond_with_json(200, json.str(), response);
    return {};
  }

  const Api api_;
  const std::string unknown_secret_;
};

}  // namespace

std::unique_ptr<HttpHandler> make_webhook_handler(const BuildHandlerParts& parts,
                                                  const BuildHandlerOptions& options) {
  return std::make_unique<WebhookHandler>(parts, options);
}

}  // namespace slipway
