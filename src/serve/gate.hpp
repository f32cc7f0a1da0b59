// Gate: the handler of a server that is bound but not ready: 503 until it is opened, then what it
// was opened to.
//
// Thread safety: any thread.
#pragma once

#include <atomic>
#include <string_view>

#include <slipway/http/handler.hpp>

namespace slipway {

class Gate final : public HttpHandler {
 public:
  /// From now on `handler` answers; it must outlive the gate's requests. Once.
  void open(HttpHandler& handler) noexcept { handler_.store(&handler, std::memory_order_release); }

  HttpAction handle(const HttpRequest& request, HttpResponse& response) override {
    if (HttpHandler* handler = handler_.load(std::memory_order_acquire))
      return handler->handle(request, response);
    respond_with_problem(Error(ErrorCode::unavailable, "the server is starting; try again"),
                         response);
    response.close = true;
    return HttpDone{};
  }

  void refuse(const HttpRequest& request, const Error& error, HttpResponse& response) override {
    HttpHandler* handler = handler_.load(std::memory_order_acquire);
    if (handler == nullptr) return HttpHandler::refuse(request, error, response);
    handler->refuse(request, error, response);
  }

  [[nodiscard]] std::string_view route_name(const HttpRequest& request) const noexcept override {
    const HttpHandler* handler = handler_.load(std::memory_order_acquire);
    return handler != nullptr ? handler->route_name(request) : "starting";
  }

 private:
  std::atomic<HttpHandler*> handler_{nullptr};
};

}  // namespace slipway
