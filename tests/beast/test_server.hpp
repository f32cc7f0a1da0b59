// A server with a handler made of functions.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <condition_variable>
#include <stdexcept>
#include <string>
#include <utility>

#include <slipway/http/handler.hpp>
#include <slipway/http/server.hpp>

#include "beast/server.hpp"

namespace slipway::testing {

/// Answers by path.
class TestHandler final : public HttpHandler {
 public:
  using Function = std::function<HttpAction(const HttpRequest&, HttpResponse&)>;

  void on(std::string path, Function function) {
    const std::lock_guard lock(mutex_);
    functions_[std::move(path)] = std::move(function);
  }

  HttpAction handle(const HttpRequest& request, HttpResponse& response) override {
    Function function;
    {
      const std::lock_guard lock(mutex_);
      const auto found = functions_.find(request.path());
      if (found != functions_.end()) function = found->second;
    }
    if (function) return function(request, response);
    respond_with_problem(Error(ErrorCode::not_found, "nothing here"), response);
    return HttpDone();
  }
  [[nodiscard]] std::string_view route_name(const HttpRequest&) const noexcept override {
    return "test";
  }

 private:
  std::mutex mutex_;
  std::map<std::string, Function, std::less<>> functions_;  // guarded by mutex_
};

/// Something that one thread waits for and another brings about.
class Event {
 public:
  void set() {
    const std::lock_guard lock(mutex_);
    set_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(60), [this] { return set_; }))
      throw std::runtime_error("an event did not come");
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
};

/// Bytes that one thread counts and another waits for.
class ByteCount {
 public:
  void add(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    value_ += bytes;
    changed_.notify_all();
  }
  void wait_for(std::size_t bytes) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(60), [&] { return value_ >= bytes; }))
      throw std::runtime_error("bytes did not come");
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t value_ = 0;
};

/// The usual handlers: /echo answers the body, /hello a text, /none nothing.
inline void add_usual_handlers(TestHandler& handler) {
  handler.on("/hello", [](const HttpRequest&, HttpResponse& response) -> HttpAction {
    response.add("Content-Type", "text/plain");
    response.bytes() = "hello";
    return HttpDone();
  });
  handler.on("/none", [](const HttpRequest&, HttpResponse& response) -> HttpAction {
    response.status = 204;
    return HttpDone();
  });
  handler.on("/target", [](const HttpRequest& request, HttpResponse& response) -> HttpAction {
    response.bytes().append(request.method_text).append(" ").append(request.target);
    return HttpDone();
  });
  handler.on("/echo", [](const HttpRequest&, HttpResponse&) -> HttpAction {
    return HttpReceive{receive_whole_body(
        64 * 1024 * 1024,
        [](std::string&& body, HttpResponse& response) { response.bytes() = std::move(body); },
        [](const Error& error, HttpResponse& response) { respond_with_problem(error, response); })};
  });
}

class TestServer {
 public:
  explicit TestServer(const HttpServerOptions& options = {}, const beast::ServerSeams& seams = {},
                      Log& log = Log::none(), Metrics& metrics = Metrics::none()) {
    add_usual_handlers(handler);
    auto started = beast::start_server(handler, options, log, metrics, seams);
    if (!started) throw std::runtime_error(started.error().message);
    server_ = std::move(*started);
  }

  [[nodiscard]] std::uint16_t port() const noexcept { return server_->port(); }
  HttpServer& operator*() noexcept { return *server_; }
  HttpServer* operator->() noexcept { return server_.get(); }

  TestHandler handler;  // what is added must be there before requests for it come

 private:
  std::unique_ptr<HttpServer> server_;
};

}  // namespace slipway::testing
