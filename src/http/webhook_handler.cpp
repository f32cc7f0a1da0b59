// POST /hooks/{trigger id}.
//
// Whoever does not hold the trigger's secret learns nothing, not even whether there is such a
// trigger: an unknown id and a wrong signature get the same 401, after the same work.

#include <string>
#include <utility>

#include <slipway/build/trigger.hpp>
#include <slipway/http/build_handler.hpp>
#include <slipway/support/hasher.hpp>

#include "build/webhook.hpp"
#include "http/access_table.hpp"
#include "http/api.hpp"
#include "http/route_table.hpp"
#include "http/webhook_intake.hpp"

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
    SLIPWAY_TRY(const TakenWebhook taken, take_webhook(api_.parts, *trigger, fields, body));
    respond_with_taken(taken, response);
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
