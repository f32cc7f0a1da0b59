// A transport that carries requests to a handler in the same process: a registry without a socket.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <slipway/http/handler.hpp>
#include <slipway/http/transport.hpp>

namespace slipway::test {

class HandlerTransport final : public HttpTransport {
 public:
  explicit HandlerTransport(HttpHandler& handler) : handler_(handler) {}

  Result<IncomingResponse> send(const OutgoingRequest& outgoing, const BodySink& sink,
                                std::stop_token) override {
    const std::string_view url = outgoing.url;
    const std::string_view target = url.substr(url.find('/', url.find("://") + 3));
    calls.push_back(std::string(to_string(outgoing.method)) + " " + std::string(target));
    if (before) SLIPWAY_CHECK(before(calls.back()));
    std::string body = outgoing.body;
    if (outgoing.body_source) SLIPWAY_CHECK(read_all(outgoing, body));

    std::vector<HttpField> fields;
    for (const auto& [name, value] : outgoing.fields) fields.push_back({name, value});
    HttpRequest request;
    request.method = outgoing.method;
    request.method_text = to_string(outgoing.method);
    request.target = target;
    request.fields = fields;
    request.has_body = !body.empty();
    if (request.has_body) request.content_length = body.size();
    HttpResponse response;
    serve_inline(handler_, request, body, response);
    return take(response, sink);
  }

  [[nodiscard]] std::size_t count(std::string_view start) const {
    std::size_t found = 0;
    for (const std::string& call : calls) found += call.starts_with(start) ? 1U : 0U;
    return found;
  }

  std::vector<std::string> calls;
  std::function<Result<void>(const std::string& call)> before;  // an error: the request fails

 private:
  /// As the real one: the end of a body of known size is not asked for.
  static Result<void> read_all(const OutgoingRequest& outgoing, std::string& body) {
    std::vector<std::byte> piece(1000);
    while (!outgoing.body_size || body.size() < *outgoing.body_size) {
      SLIPWAY_TRY(const std::size_t size, outgoing.body_source(piece));
      if (size == 0) break;
      body.append(reinterpret_cast<const char*>(piece.data()), size);
    }
    if (outgoing.body_size && body.size() != *outgoing.body_size)
      return Error(ErrorCode::invalid_argument, "the request's body is not as long as was said");
    return {};
  }

  static Result<IncomingResponse> take(HttpResponse& response, const BodySink& sink) {
    IncomingResponse incoming;
    incoming.status = response.status;
    for (std::string_view head = response.head(); !head.empty();) {
      const std::string_view line = head.substr(0, head.find("\r\n"));
      head.remove_prefix(line.size() + 2);
      const std::size_t colon = line.find(": ");
      incoming.fields.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    }
    std::string body(response.text());
    if (auto* object = std::get_if<ObjectBody>(&response.body())) {
      body.resize(static_cast<std::size_t>(object->range.length));
      SLIPWAY_CHECK(object->object->read_at(object->range.offset,
                                            std::as_writable_bytes(std::span(body))));
    }
    if (sink && incoming.status >= 200 && incoming.status < 300)
      SLIPWAY_CHECK(sink(std::as_bytes(std::span(body))));
    else
      incoming.body = std::move(body);
    return incoming;
  }

  HttpHandler& handler_;
};

}  // namespace slipway::test
