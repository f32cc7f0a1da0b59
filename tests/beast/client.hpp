// The client under test, made short.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>

#include <slipway/http/transport.hpp>

namespace slipway::testing {

inline std::unique_ptr<HttpTransport> make_transport(const TransportOptions& options = {}) {
  auto transport = make_http_transport(options);
  EXPECT_TRUE(transport.ok());
  return std::move(*transport);
}

inline OutgoingRequest request_to(std::uint16_t port, const std::string& target,
                                  const std::string& scheme = "http") {
  OutgoingRequest request;
  request.url = scheme + "://127.0.0.1:" + std::to_string(port) + target;
  return request;
}

}  // namespace slipway::testing
