// A client that may not go everywhere, and answers that are larger or slower than it wants.
#include <gtest/gtest.h>

#include <sys/socket.h>

#include <string>

#include "tests/beast/client.hpp"
#include "tests/beast/peer.hpp"
#include "tests/beast/test_server.hpp"

namespace slipway {
namespace {

using namespace std::chrono_literals;
using testing::make_transport;
using testing::request_to;
using testing::TestServer;

TransportOptions careful(std::initializer_list<const char*> allowed = {}) {
  TransportOptions options;
  options.destinations.emplace();
  for (const char* place : allowed) EXPECT_TRUE(options.destinations->allow(place).ok());
  return options;
}

/// Its answers never end.
bool answer_without_end(int socket) {
  std::string bytes = "HTTP/1.1 200 OK\r\n\r\n";
  while (::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) bytes = "more ";
  return true;
}

void answer_ok(TestServer& server) {
  server.handler.on("/", [&](const HttpRequest&, HttpResponse& response) -> HttpAction {
    response.bytes() = "hello";
    return HttpDone();
  });
}

TEST(Destinations, NothingOnThisMachineIsReachedHoweverItIsWritten) {
  TestServer server;
  int served = 0;
  server.handler.on("/", [&](const HttpRequest&, HttpResponse&) -> HttpAction {
    ++served;
    return HttpDone();
  });
  const auto transport = make_transport(careful());
  const std::string port = std::to_string(server.port());
  // Names are resolved by the system, which understands these forms of an address too.
  for (const char* host : {"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433",
                           "0x7f000001", "127.1", "0.0.0.0", "0"}) {
    OutgoingRequest request;
    request.url = std::string("http://") + host + ":" + port + "/";
    const auto answer = transport->send(request);
    ASSERT_FALSE(answer.ok()) << host;
    EXPECT_EQ(answer.error().code, ErrorCode::denied) << host << ": " << answer.error().message;
    EXPECT_NE(answer.error().message.find("outgoing.allowed"), std::string::npos) << host;
  }
  EXPECT_EQ(served, 0);
}

TEST(Destinations, WhatIsAllowedIsReached) {
  TestServer server;
  answer_ok(server);
  EXPECT_TRUE(make_transport(careful({"127.0.0.0/8"}))->send(request_to(server.port(), "/")).ok());
  OutgoingRequest by_name;
  by_name.url = "http://localhost:" + std::to_string(server.port()) + "/";
  EXPECT_TRUE(make_transport(careful({"localhost"}))->send(by_name).ok());
  EXPECT_EQ(make_transport(careful({"localhost"}))->send(request_to(server.port(), "/")).error().code,
            ErrorCode::denied)
      << "the name is allowed, not its address";
}

TEST(Destinations, ARedirectIsAnAnswerAndNotFollowed) {
  TestServer server;
  int followed = 0;
  server.handler.on("/from", [&](const HttpRequest&, HttpResponse& response) -> HttpAction {
    response.status = 302;
    response.add("Location", "/to");
    return HttpDone();
  });
  server.handler.on("/to", [&](const HttpRequest&, HttpResponse&) -> HttpAction {
    ++followed;
    return HttpDone();
  });
  const auto answer =
      make_transport(careful({"127.0.0.1"}))->send(request_to(server.port(), "/from"));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 302);
  EXPECT_EQ(followed, 0);
}

TEST(Destinations, OnlyTheBeginningOfALargeAnswerIsRead) {
  TestServer server;
  server.handler.on("/large", [&](const HttpRequest&, HttpResponse& response) -> HttpAction {
    response.bytes() = std::string(std::size_t{4} << 20U, 'x');
    return HttpDone();
  });
  const auto transport = make_transport();
  OutgoingRequest request = request_to(server.port(), "/large");
  request.body_prefix = 1000;
  for (int i = 0; i < 2; ++i) {  // the connection that was left in the middle is not used again
    const auto answer = transport->send(request);
    ASSERT_TRUE(answer.ok()) << answer.error().message;
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, std::string(1000, 'x'));
  }
}

TEST(Destinations, AnAnswerThatGoesOnForEverIsGivenUp) {
  const testing::Peer server(answer_without_end);
  OutgoingRequest request = request_to(server.port(), "/");
  request.timeout = 1h;  // something always moves
  request.whole_timeout = 100ms;
  const auto answer =
      make_transport()->send(request, [](std::span<const std::byte>) { return Result<void>(); });
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::timed_out) << answer.error().message;
}

}  // namespace
}  // namespace slipway
