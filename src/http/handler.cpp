#include <slipway/http/handler.hpp>

#include <algorithm>
#include <exception>
#include <utility>

#include "http/problem.hpp"

namespace slipway {
namespace {

class WholeBody final : public BodyReceiver {
 public:
  WholeBody(std::uint64_t limit, std::function<void(std::string&&, HttpResponse&)> finish,
            std::function<void(const Error&, HttpResponse&)> fail)
      : limit_(limit), finish_(std::move(finish)), fail_(std::move(fail)) {}

  Result<void> append(std::span<const std::byte> bytes) override {
    if (bytes.size() > limit_ - body_.size())
      return Error(ErrorCode::too_large,
                   "the request's body is larger than " + std::to_string(limit_) + " bytes");
    body_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }

  void finish(HttpResponse& response) override { finish_(std::move(body_), response); }

  void fail(const Error& error, HttpResponse& response) override { fail_(error, response); }

 private:
  const std::uint64_t limit_;
  std::string body_;
  std::function<void(std::string&&, HttpResponse&)> finish_;
  std::function<void(const Error&, HttpResponse&)> fail_;
};

void receive_inline(HttpReceive& receive, std::string_view body, HttpResponse& response) {
  if (body.size() > receive.max_bytes)
    return receive.receiver->fail(Error(ErrorCode::too_large,
                                        "the request's body is larger than " +
                                            std::to_string(receive.max_bytes) + " bytes"),
                                  response);
  if (!body.empty())
    if (const auto taken = receive.receiver->append(std::as_bytes(std::span(body))); !taken)
      return receive.receiver->fail(taken.error(), response);
  receive.receiver->finish(response);
}

void respond_to_exception(std::string_view what, HttpResponse& response) {
  response.clear();
  respond_with_problem(Error(ErrorCode::internal, std::string(what)), response);
}

}  // namespace

void HttpHandler::refuse(const HttpRequest& /*request*/, const Error& error,
                         HttpResponse& response) {
  respond_with_problem(refusal_status(error.code), error, response);
}

void serve_inline(HttpHandler& handler, const HttpRequest& request, std::string_view body,
                  HttpResponse& response) {
  try {
    HttpAction action = handler.handle(request, response);
    if (auto* blocking = std::get_if<HttpBlocking>(&action)) blocking->run(response);
    if (auto* receive = std::get_if<HttpReceive>(&action)) receive_inline(*receive, body, response);
  } catch (const std::exception& exception) {
    respond_to_exception(exception.what(), response);
  } catch (...) {
    respond_to_exception("an exception of an unknown type", response);
  }
}

std::unique_ptr<BodyReceiver> receive_whole_body(
    std::uint64_t limit, std::function<void(std::string&& body, HttpResponse&)> finish,
    std::function<void(const Error&, HttpResponse&)> fail) {
  return std::make_unique<WholeBody>(limit, std::move(finish), std::move(fail));
}

void HttpRouter::mount(std::string_view prefix, HttpHandler& handler) {
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  const auto place = std::find_if(mounts_.begin(), mounts_.end(), [&](const Mount& other) {
    return other.prefix.size() < prefix.size();
  });
  mounts_.insert(place, Mount{std::string(prefix), &handler});
}

HttpHandler* HttpRouter::find(std::string_view path) const noexcept {
  for (const Mount& mount : mounts_)
    if (mount.prefix.empty() ||
        (path.starts_with(mount.prefix) &&
         (path.size() == mount.prefix.size() || path[mount.prefix.size()] == '/')))
      return mount.handler;
  return nullptr;
}

HttpAction HttpRouter::handle(const HttpRequest& request, HttpResponse& response) {
  if (HttpHandler* handler = find(request.path())) return handler->handle(request, response);
  respond_with_problem(Error(ErrorCode::not_found, "there is nothing at this path"), response);
  return HttpDone();
}

void HttpRouter::refuse(const HttpRequest& request, const Error& error, HttpResponse& response) {
  HttpHandler* handler = find(request.path());
  if (handler == nullptr) return HttpHandler::refuse(request, error, response);
  handler->refuse(request, error, response);
}

std::string_view HttpRouter::route_name(const HttpRequest& request) const noexcept {
  const HttpHandler* handler = find(request.path());
  return handler != nullptr ? handler->route_name(request) : "none";
}

}  // namespace slipway
