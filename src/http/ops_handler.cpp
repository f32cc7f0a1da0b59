#include <slipway/http/ops_handler.hpp>

#include <array>
#include <string>
#include <utility>

#include <slipway/core/media_type.hpp>

#include "http/access_table.hpp"
#include "http/openapi.hpp"
#include "http/problem.hpp"

namespace slipway {
namespace {

constexpr std::string_view plain_text = "text/plain; charset=utf-8";
constexpr std::string_view prometheus_text = "text/plain; version=0.0.4; charset=utf-8";

constexpr std::array<std::string_view, 4> names{"healthz", "readyz", "metrics", "openapi.json"};

consteval bool for_everyone() {
  for (const std::string_view name : names)
    if (access_of(HttpMethod::get, "/", name) != access::everyone) return false;
  return true;
}
static_assert(for_everyone());

class OpsHandler final : public HttpHandler {
 public:
  OpsHandler(const Metrics& metrics, std::function<Result<void>()> ready,
             std::function<void()> before_scrape)
      : metrics_(metrics), ready_(std::move(ready)), before_scrape_(std::move(before_scrape)) {}

  HttpAction handle(const HttpRequest& request, HttpResponse& response) override {
    const std::string_view route = route_name(request);
    if (route == "none") {
      respond_with_problem(Error(ErrorCode::not_found, "there is nothing at this path"), response);
      return HttpDone();
    }
    if (request.method != HttpMethod::get && request.method != HttpMethod::head) {
      response.add("Allow", "GET, HEAD");
      respond_with_problem(405, Error(ErrorCode::unsupported, "this path is for reading: use GET"),
                           response);
      return HttpDone();
    }
    const bool head = request.method == HttpMethod::head;
    if (route == "metrics")
      return HttpBlocking{[this, head](HttpResponse& later) {
        if (before_scrape_) before_scrape_();
        respond(200, prometheus_text, metrics_.text(), head, later);
      }};
    if (route == "openapi.json") {
      respond(200, media_type::json, openapi_, head, response);
    } else if (route == "healthz") {
      respond(200, plain_text, "ok\n", head, response);
    } else if (const auto ready = ready_(); ready) {
      respond(200, plain_text, "ready\n", head, response);
    } else {
      respond(503, plain_text, ready.error().message + "\n", head, response);
    }
    return HttpDone();
  }

  [[nodiscard]] std::string_view route_name(const HttpRequest& request) const noexcept override {
    const std::string_view path = request.path();
    for (const std::string_view name : names)
      if (path.starts_with('/') && path.substr(1) == name) return name;
    return "none";
  }

 private:
  static void respond(int status, std::string_view type, std::string_view text, bool head,
                      HttpResponse& response) {
    response.status = status;
    response.add("Content-Type", type);
    response.add("Cache-Control", "no-store");
    if (head)
      response.content_length = text.size();
    else
      response.bytes() = text;
  }

  const Metrics& metrics_;
  const std::string openapi_ = openapi_json();
  const std::function<Result<void>()> ready_;
  const std::function<void()> before_scrape_;
};

}  // namespace

std::unique_ptr<HttpHandler> make_ops_handler(const Metrics& metrics,
                                              std::function<Result<void>()> ready,
                                              std::function<void()> before_scrape) {
  return std::make_unique<OpsHandler>(metrics, std::move(ready), std::move(before_scrape));
}

}  // namespace slipway
