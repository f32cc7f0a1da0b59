// A registry's client for one writer of the soak: one connection, and answers as they come.
//
// Thread safety: one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <slipway/core/digest.hpp>
#include <slipway/http/transport.hpp>

namespace slipway::soak {

class Client {
 public:
  Client(std::string url, std::string token) : url_(std::move(url)), token_(std::move(token)) {
    TransportOptions options;
    options.user_agent = "slipway-soak";
    auto transport = make_http_transport(options);
    if (!transport) throw std::runtime_error(transport.error().message);
    transport_ = std::move(*transport);
  }

  /// Throws when there is no answer: the server is on this machine and does not stop.
  IncomingResponse send(HttpMethod method, const std::string& target, std::string body = {},
                        std::string_view type = {}) {
    OutgoingRequest request;
    request.method = method;
    request.url = target.starts_with("http") ? target : url_ + target;
    request.fields = {{"Authorization", "Bearer " + token_}};
    if (!type.empty()) request.fields.emplace_back("Content-Type", type);
    request.body = std::move(body);
    request.timeout = std::chrono::minutes(2);
    auto response = transport_->send(request);
    if (!response)
      throw std::runtime_error(target + ": " + response.error().message);
    return std::move(*response);
  }

  /// The blob at once, in one request.
  int push_blob(const std::string& repository, const Digest& digest, const std::string& bytes) {
    return send(HttpMethod::post,
                "/v2/" + repository + "/blobs/uploads/?digest=" + digest.to_string(), bytes,
                "application/octet-stream")
        .status;
  }
  /// The blob in three requests: opened, sent in a chunk, closed.
  int push_blob_in_steps(const std::string& repository, const Digest& digest,
                         const std::string& bytes) {
    const auto opened = send(HttpMethod::post, "/v2/" + repository + "/blobs/uploads/");
    return opened.status == 202 ? push_into(opened, digest, bytes) : opened.status;
  }
  /// The rest of an upload that was opened.
  int push_into(const IncomingResponse& opened, const Digest& digest, const std::string& bytes) {
    const auto sent = send(HttpMethod::patch, std::string(opened.field("Location")), bytes,
                           "application/octet-stream");
    if (sent.status != 202) return sent.status;
    return send(HttpMethod::put,
                std::string(sent.field("Location")) + "?digest=" + digest.to_string())
        .status;
  }

 private:
  const std::string url_;
  const std::string token_;
  std::unique_ptr<HttpTransport> transport_;
};

}  // namespace slipway::soak
