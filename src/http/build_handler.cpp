#include <slipway/http/build_handler.hpp>

#include <array>
#include <utility>

#include "http/build_routes.hpp"
#include "http/route_table.hpp"

namespace slipway {
namespace {

constexpr std::string_view prefix = "/api/v1/";

/// The first that fits wins: a repository may itself be called "app/triggers".
constexpr auto routes = with_access(prefix, std::array{
    Route{HttpMethod::get, "builds", "builds", list_builds},
    Route{HttpMethod::get, "builds/{id}", "build", show_build},
    Route{HttpMethod::get, "builds/{id}/log", "build_log", show_build_log},
    Route{HttpMethod::get, "builds/{id}/events", "build_events", follow_build},
    Route{HttpMethod::get, "events", "events", follow_builds},
    Route{HttpMethod::get, "builds/{id}/explain", "build_explain", explain_build},
    Route{HttpMethod::get, "queue", "queue", show_queue},
    Route{HttpMethod::post, "builds/{id}/cancel", "build_cancel", cancel_build},
    Route{HttpMethod::post, "builds/{id}/retry", "build_retry", retry_build},
    Route{HttpMethod::get, "repositories", "repositories", list_repositories},
    Route{HttpMethod::post, "repositories/{repository}/builds", "submit", submit_build},
    Route{HttpMethod::post, "repositories/{repository}/contexts", "contexts", upload_context},
    Route{HttpMethod::post, "repositories/{repository}/triggers", "triggers", create_trigger},
    Route{HttpMethod::get, "repositories/{repository}/triggers", "triggers", list_triggers},
    Route{HttpMethod::get, "repositories/{repository}/manifests/{reference}", "repository_manifest",
          show_manifest},
    Route{HttpMethod::get, "repositories/{repository}/tags", "repository_tags", list_tags},
    Route{HttpMethod::get, "repositories/{repository}/triggers/{id}", "trigger", show_trigger},
    Route{HttpMethod::delete_, "repositories/{repository}/triggers/{id}", "trigger",
          delete_trigger},
    Route{HttpMethod::post, "repositories/{repository}/triggers/{id}/resume", "trigger_resume",
          resume_trigger},
    Route{HttpMethod::get, "repositories/{repository}/triggers/{id}/deliveries", "deliveries",
          list_deliveries},
    Route{HttpMethod::get, "repositories/{repository}/triggers/{id}/deliveries/{delivery}",
          "delivery", show_delivery},
    Route{HttpMethod::post, "repositories/{repository}/triggers/{id}/deliveries/{delivery}/replay",
          "delivery_replay", replay_delivery},
    Route{HttpMethod::post, "admin/tokens", "tokens", create_token},
    Route{HttpMethod::get, "admin/tokens", "tokens", list_tokens},
    Route{HttpMethod::delete_, "admin/tokens/{id}", "token", revoke_token},
    Route{HttpMethod::post, "admin/notifications", "notifications", create_notification},
    Route{HttpMethod::get, "admin/notifications", "notifications", list_notifications},
    Route{HttpMethod::get, "admin/notifications/{id}", "notification", show_notification},
    Route{HttpMethod::delete_, "admin/notifications/{id}", "notification", delete_notification},
    Route{HttpMethod::post, "admin/notifications/{id}/ping", "notification_ping",
          ping_notification},
    Route{HttpMethod::get, "admin/notifications/{id}/deliveries", "notices", list_notices},
    Route{HttpMethod::get, "admin/notifications/{id}/deliveries/{delivery}", "notice",
          show_notice},
    Route{HttpMethod::post, "admin/notifications/{id}/deliveries/{delivery}/redeliver",
          "notice_redeliver", redeliver_notice},
    Route{HttpMethod::get, "admin/operations", "operations", list_operations},
    Route{HttpMethod::get, "admin/operations/{id}", "operation", show_operation},
    Route{HttpMethod::delete_, "admin/operations/{id}", "operation", cancel_operation},
    Route{HttpMethod::post, "admin/{kind}", "start_operation", start_operation},
});

class BuildHandler final : public HttpHandler {
 public:
  BuildHandler(const BuildHandlerParts& parts, const BuildHandlerOptions& options)
      : api_{parts, options,
             std::make_unique<LiveLogs>(parts.metadata, parts.queue, parts.logs)} {}

  HttpAction handle(const HttpRequest& request, HttpResponse& response) override {
    return answer_route(api_, request, find_route(routes, request.method, path_behind(request, prefix)),
                        response);
  }

  [[nodiscard]] std::string_view route_name(const HttpRequest& request) const noexcept override {
    return find_route_name(routes, path_behind(request, prefix));
  }

 private:
  const Api api_;
};

}  // namespace

std::unique_ptr<HttpHandler> make_build_handler(const BuildHandlerParts& parts,
                                                const BuildHandlerOptions& options) {
  return std::make_unique<BuildHandler>(parts, options);
}

}  // namespace slipway
