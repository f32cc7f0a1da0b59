// Whose turn it is when many want something at once.
#include <gtest/gtest.h>

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/beast/raw_client.hpp"
#include "tests/beast/test_server.hpp"

namespace slipway {
namespace {

using testing::Event;
using testing::RawClient;
using testing::TestServer;

std::string get(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

/// Sends, and waits until it has arrived.
void deliver(RawClient& client, const std::string& bytes) {
  client.send(bytes);
  int left = 1;
  while (::ioctl(client.socket(), SIOCOUTQ, &left) == 0 && left > 0) std::this_thread::yield();
}

TEST(FairnessTest, StrangersHoldUpRegularsByOneOfThemAtMost) {
  HttpServerOptions options;
  options.io_threads = 1;
  TestServer server(options);
  RawClient regular(server.port()), holder(server.port());
  Event held, go_on;
  std::vector<std::string> order;  // the I/O thread's
  server.handler.on("/hold", [&](const HttpRequest&, HttpResponse&) -> HttpAction {
    held.set();
    go_on.wait();
    return HttpDone();
  });
  server.handler.on("/regular", [&](const HttpRequest&, HttpResponse&) -> HttpAction {
    order.emplace_back("regular");
    return HttpDone();
  });
  server.handler.on("/stranger", [&](const HttpRequest&, HttpResponse&) -> HttpAction {
    order.emplace_back("stranger");
    if (order.size() % 5 == 1) deliver(regular, get("/regular"));
    return HttpDone();
  });
  regular.send(get("/hello"));
  EXPECT_EQ(regular.receive().body, "hello");
  std::vector<std::unique_ptr<RawClient>> strangers;
  for (int i = 0; i < 12; ++i) {
    strangers.push_back(std::make_unique<RawClient>(server.port()));
    strangers.back()->send(get("/missing"));
    EXPECT_EQ(strangers.back()->receive().status, 404);
  }
  holder.send(get("/hold"));
  held.wait();
  for (const auto& stranger : strangers) deliver(*stranger, get("/stranger"));
  go_on.set();
  for (const auto& stranger : strangers) EXPECT_EQ(stranger->receive().status, 200);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(regular.receive().status, 200);
  const std::vector<std::string> expected{
      "stranger", "regular", "stranger", "stranger", "stranger", "stranger", "regular", "stranger",
      "stranger", "stranger", "stranger", "regular", "stranger", "stranger", "stranger"};
  EXPECT_EQ(order, expected);
}

TEST(FairnessTest, WhatCameInOnePieceIsServedToTheEnd) {
  TestServer server;
  RawClient stranger(server.port());
  stranger.send(get("/missing") + get("/hello") + get("/missing") + get("/hello"));
  for (const int status : {404, 200, 404, 200}) EXPECT_EQ(stranger.receive().status, status);
}

}  // namespace
}  // namespace slipway
