// Streams that say nothing for long: what goes out so that proxies do not cut them.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include <slipway/support/clock.hpp>

#include "beast/response_head.hpp"
#include "tests/beast/raw_client.hpp"
#include "tests/beast/test_server.hpp"

namespace slipway {
namespace {

using namespace std::chrono_literals;
using testing::Event;
using testing::RawClient;
using testing::TestServer;

struct Said {
  std::mutex mutex;
  std::string bytes;                // guarded by mutex
  std::function<void()> wake;       // guarded by mutex
  Event asked;                      // it answered waiting
};

class QuietStream final : public BodyStream {
 public:
  QuietStream(std::shared_ptr<Said> said, std::string keep_alive)
      : said_(std::move(said)), keep_alive_(std::move(keep_alive)) {}
  State next(std::string& out) override {
    const std::lock_guard lock(said_->mutex);
    out.append(std::exchange(said_->bytes, {}));
    said_->asked.set();
    return State::waiting;
  }
  void on_ready(std::function<void()> wake) override {
    const std::lock_guard lock(said_->mutex);
    said_->wake = std::move(wake);
  }
  [[nodiscard]] std::string_view keep_alive() const noexcept override { return keep_alive_; }

 private:
  const std::shared_ptr<Said> said_;
  const std::string keep_alive_;
};

class StreamKeepAliveTest : public ::testing::Test {
 protected:
  static HttpServerOptions one_thread() {
    HttpServerOptions options;
    options.io_threads = 1;
    return options;
  }

  /// A client that has read the head of the stream's answer.
  std::unique_ptr<RawClient> open(const std::string& keep_alive, const char* version = "1.1") {
    server_.handler.on("/stream", [=, this](const HttpRequest&, HttpResponse& response) -> HttpAction {
      response.body() = std::make_unique<QuietStream>(said_, keep_alive);
      return HttpDone();
    });
    auto client = std::make_unique<RawClient>(server_.port());
    client->send(std::string("GET /stream HTTP/") + version + "\r\nHost: a\r\n\r\n");
    client->take_until("\r\n\r\n");
    said_->asked.wait();
    return client;
  }
  void say(std::string_view text) {
    std::function<void()> wake;
    {
      const std::lock_guard lock(said_->mutex);
      said_->bytes = text;
      wake = said_->wake;
    }
    wake();
  }
  void wake_in_vain() { say(""); }
  /// Moves time, and waits until the server's thread has seen it.
  void pass(std::chrono::seconds time) {
    clock_.advance(time);
    const std::string date = beast::http_date(clock_.now());
    for (bool seen = false; !seen;) {
      RawClient other(server_.port());
      if (!other.send("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")) continue;
      seen = other.receive_all().find(date) != std::string::npos;
    }
  }
  void pass_until_readable(const RawClient& client) {
    while (!client.is_readable()) {
      clock_.advance(1s);
      std::this_thread::yield();
    }
  }

  std::shared_ptr<Said> said_ = std::make_shared<Said>();
  ManualClock clock_{Timestamp(1700000000000ms)};
  TestServer server_{one_thread(), {.clock = &clock_}};
};

TEST_F(StreamKeepAliveTest, ASilentStreamSaysThatItIsThere) {
  const auto start = clock_.monotonic();
  const auto client = open(": keep-alive\n\n");
  pass(14s);
  EXPECT_FALSE(client->is_readable());
  for (int i = 1; i <= 3; ++i) {
    pass_until_readable(*client);
    EXPECT_GE(clock_.monotonic() - start, i * 15s);
    EXPECT_EQ(client->take_until("\n\n\r\n"), "0000000e\r\n: keep-alive\n\n\r\n");
  }
  say("news\n");
  EXPECT_EQ(client->take_until("news\n\r\n"), "00000005\r\nnews\n\r\n");
}

TEST_F(StreamKeepAliveTest, WhatItSaysBeginsTheIntervalAnewAndBeingAskedInVainDoesNot) {
  const auto client = open(": keep-alive\n\n");
  pass(10s);
  say("news\n");
  client->take_until("news\n\r\n");
  pass(10s);
  EXPECT_FALSE(client->is_readable());
  wake_in_vain();
  pass(3s);
  EXPECT_FALSE(client->is_readable());
  pass(5s);
  pass_until_readable(*client);
  EXPECT_EQ(client->take_until("\n\n\r\n"), "0000000e\r\n: keep-alive\n\n\r\n");
}

TEST_F(StreamKeepAliveTest, WithoutChunksForAnOldClient) {
  const auto client = open(": keep-alive\n\n", "1.0");
  pass_until_readable(*client);
  EXPECT_EQ(client->take(14), ": keep-alive\n\n");
}

TEST_F(StreamKeepAliveTest, AStreamWithoutSuchAThingStaysSilentAndOpen) {
  const auto client = open("");
  pass(3600s);
  EXPECT_FALSE(client->is_readable());
  say("news\n");
  EXPECT_EQ(client->take_until("news\n\r\n"), "00000005\r\nnews\n\r\n");
}

}  // namespace
}  // namespace slipway
