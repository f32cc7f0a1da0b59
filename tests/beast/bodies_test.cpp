// Bodies of requests: pieces, limits, bodies that nobody wants, peers that go away.
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/beast/raw_client.hpp"
#include "tests/beast/test_server.hpp"

namespace slipway {
namespace {

using testing::Event;
using testing::RawClient;
using testing::RawResponse;
using testing::TestServer;

/// What a receiver was given, and how it ended.
struct Story {
  std::mutex mutex;
  std::vector<std::size_t> pieces;
  std::string bytes;
  int finished = 0;
  int failed = 0;
  Event destroyed;
  std::function<Result<void>(std::size_t total)> on_append;
};

class StoryReceiver final : public BodyReceiver {
 public:
  explicit StoryReceiver(std::shared_ptr<Story> story) : story_(std::move(story)) {}
  ~StoryReceiver() override { story_->destroyed.set(); }

  Result<void> append(std::span<const std::byte> bytes) override {
    total_ += bytes.size();
    {
      const std::lock_guard lock(story_->mutex);
      story_->pieces.push_back(bytes.size());
      if (total_ <= 1'000'000)
        story_->bytes.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    return story_->on_append ? story_->on_append(total_) : Result<void>();
  }
  void finish(HttpResponse& response) override {
    ++story_->finished;
    response.status = 201;
    response.bytes() = std::to_string(total_);
  }
  void fail(const Error& error, HttpResponse& response) override {
    ++story_->failed;
    respond_with_problem(error, response);
  }

 private:
  std::shared_ptr<Story> story_;
  std::size_t total_ = 0;
};

std::shared_ptr<Story> add_story(TestServer& server, std::uint64_t max_bytes = UINT64_MAX) {
  auto story = std::make_shared<Story>();
  server.handler.on("/story", [story, max_bytes](const HttpRequest&, HttpResponse&) -> HttpAction {
    return HttpReceive{std::make_unique<StoryReceiver>(story), max_bytes};
  });
  return story;
}

const std::string post = "POST /story HTTP/1.1\r\nHost: a\r\n";
const std::string hello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

TEST(BodiesTest, ASmallBodyIsOnePiece) {
  TestServer server;
  const auto story = add_story(server);
  RawClient client(server.port());
  client.send(post + "Content-Length: 60000\r\n\r\n");
  for (int i = 0; i < 60; ++i) client.send(std::string(1000, static_cast<char>('a' + i % 26)));
  EXPECT_EQ(client.receive().body, "60000");
  EXPECT_EQ(story->pieces, std::vector<std::size_t>{60000});
  EXPECT_EQ(story->finished, 1);

  client.send(post + "Content-Length: 3\r\n\r\nabc");
  EXPECT_EQ(client.receive().body, "3");
  EXPECT_EQ(story->pieces.back(), 3U);
}

TEST(BodiesTest, AnEmptyBodyIsNoPiece) {
  TestServer server;
  const auto story = add_story(server);
  RawClient client(server.port());
  client.send(post + "\r\n" + post + "Content-Length: 0\r\n\r\n" + post +
              "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.receive().body, "0");
  EXPECT_TRUE(story->pieces.empty());
  EXPECT_EQ(story->finished, 3);
}

TEST(BodiesTest, ChunksOfAnySizeWithExtensionsAndTrailers) {
  TestServer server;
  const auto story = add_story(server);
  RawClient client(server.port());
  client.send(post +
              "Transfer-Encoding: Chunked\r\n\r\n"
              "1;name=\"v\"\r\na\r\n00003\r\nbcd\r\nA ; x\r\n0123456789\r\n0;last\r\nTrailer: x\r\n\r\n" +
              hello);
  EXPECT_EQ(client.receive().body, "14");
  EXPECT_EQ(story->bytes, "abcd0123456789");
  EXPECT_EQ(client.receive().body, "hello");
}

TEST(BodiesTest, ChunksCutAnywhere) {
  TestServer server;
  const auto story = add_story(server);
  RawClient client(server.port());
  for (const char c : post + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    client.send(std::string_view(&c, 1));
  EXPECT_EQ(client.receive().body, "5");
  EXPECT_EQ(story->bytes, "abcde");
}

TEST(BodiesTest, WhatFollowsAChunkedBodyIsTheNextRequest) {
  TestServer server;
  add_story(server);
  RawClient client(server.port());
  std::string all = post + "Transfer-Encoding: chunked\r\n\r\n30d40\r\n" + std::string(200'000, 'x') +
                    "\r\n0\r\n\r\n";
  constexpr int more = 2000;
  for (int i = 0; i < more; ++i) all += hello;
  all += post + "Content-Length: 100000\r\n\r\n" + std::string(100'000, 'y') + hello;
  std::thread sender([&] { client.send(all); });
  EXPECT_EQ(client.receive().body, "200000");
  for (int i = 0; i < more; ++i) ASSERT_EQ(client.receive().body, "hello");
  EXPECT_EQ(client.receive().body, "100000");
  EXPECT_EQ(client.receive().body, "hello");
  sender.join();
}

TEST(BodiesTest, ContinueIsSentWhenTheBodyIsWanted) {
  TestServer server;
  add_story(server);
  RawClient client(server.port());
  client.send(post + "Content-Length: 3\r\nExpect: 100-Continue\r\n\r\n");
  EXPECT_EQ(client.take_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  EXPECT_EQ(client.receive().body, "3");
}

TEST(BodiesTest, ContinueIsNotSentWhenTheBodyIsNotWantedOrThereAlready) {
  TestServer server;
  add_story(server, 10);
  RawClient client(server.port());
  client.send(post + "Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc");
  EXPECT_EQ(client.receive().status, 201);
  client.send(post + "Content-Length: 11\r\nExpect: 100-continue\r\n\r\n");
  const RawResponse response = client.receive();
  EXPECT_EQ(response.status, 413);
  EXPECT_TRUE(response.has("Connection: close"));
  EXPECT_EQ(client.receive_all(), "");
}

std::size_t resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6)) * 1024;
  return 0;
}

TEST(BodiesTest, ALargeBodyNeedsLittleMemory) {
  TestServer server;
  const auto story = add_story(server);
  RawClient client(server.port());
  constexpr std::size_t size = 100'000'000;
  const std::string piece(1'000'000, 'x');
  client.send(post + "Content-Length: " + std::to_string(size) + "\r\n\r\n");
  client.send(piece);
  const std::size_t before = resident_bytes();
  std::size_t most = 0;
  for (std::size_t sent = piece.size(); sent < size; sent += piece.size()) {
    client.send(piece);
    most = std::max(most, resident_bytes());
  }
  EXPECT_EQ(client.receive().body, std::to_string(size));
  EXPECT_LT(most, before + 32'000'000);  // sanitizers keep notes of their own
  for (const std::size_t each : story->pieces) EXPECT_LE(each, 256U * 1024);
}

TEST(BodiesTest, ASlowReceiverHoldsTheSenderBack) {
  TestServer server;
  const auto story = add_story(server);
  Event go_on;
  story->on_append = [&](std::size_t) -> Result<void> {
    go_on.wait();
    return {};
  };
  RawClient client(server.port());
  const timeval soon{0, 200'000};
  client.send(post + "Transfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "40000\r\n" + std::string(0x40000, 'x') + "\r\n";
  // Non-blocking sends end where the sockets' buffers and the server's two are full.
  std::size_t sent = 0;
  std::string rest = chunk;
  ::setsockopt(client.socket(), SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
  for (;;) {
    const ssize_t part = ::send(client.socket(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (part < 0) break;
    sent += static_cast<std::size_t>(part);
    rest.erase(0, static_cast<std::size_t>(part));
    if (rest.empty()) rest = chunk;
    ASSERT_LT(sent, 100'000'000U) << "nothing holds the sender back";
  }
  go_on.set();
  const timeval late{60, 0};
  ::setsockopt(client.socket(), SOL_SOCKET, SO_SNDTIMEO, &late, sizeof late);
  client.send(rest + "0\r\n\r\n");
  EXPECT_EQ(client.receive().status, 201);
}

TEST(BodiesTest, AFailingReceiverDecidesTheAnswer) {
  TestServer server;
  const auto story = add_story(server);
  story->on_append = [](std::size_t) -> Result<void> {
    return Error(ErrorCode::quota_exceeded, "full");
  };
  RawClient client(server.port());
  client.send(post + "Content-Length: 3\r\n\r\nabc" + hello);
  EXPECT_EQ(client.receive().status, 507);
  EXPECT_EQ(client.receive().body, "hello");
  EXPECT_EQ(story->failed, 1);
  EXPECT_EQ(story->finished, 0);
}

TEST(BodiesTest, AnEarlyAnswerCanBeReadThoughTheBodyIsStillComing) {
  TestServer server;
  const auto story = add_story(server);
  story->on_append = [](std::size_t) -> Result<void> { return Error(ErrorCode::denied, "no"); };
  RawClient client(server.port());
  client.send(post + "Content-Length: 50000000\r\n\r\n");
  std::thread sender([&] {
    const std::string piece(100'000, 'x');
    for (int i = 0; i < 500 && client.send(piece); ++i) {
    }
    client.shut_down_sending();
  });
  const RawResponse response = client.receive();
  EXPECT_EQ(response.status, 403);
  EXPECT_TRUE(response.has("Connection: close"));
  sender.join();
  EXPECT_EQ(client.receive_all(), "");
}

TEST(BodiesTest, TooLargeByLengthOrByCount) {
  TestServer server;
  const auto story = add_story(server, 5);
  {
    RawClient client(server.port());
    client.send(post + "Content-Length: 6\r\n\r\nabcdef" + hello);
    EXPECT_EQ(client.receive().status, 413);
    EXPECT_EQ(client.receive().body, "hello");
  }
  {
    RawClient client(server.port());
    client.send(post + "Transfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n0\r\n\r\n" + hello);
    EXPECT_EQ(client.receive().status, 413);
    EXPECT_EQ(client.receive().body, "hello");
  }
  EXPECT_EQ(story->failed, 2);
  EXPECT_TRUE(story->bytes.empty());
}

TEST(BodiesTest, AMalformedChunkFailsTheReceiver) {
  TestServer server;
  const auto story = add_story(server);
  RawClient client(server.port());
  client.send(post + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n" + hello);
  EXPECT_EQ(client.receive().status, 400);
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_EQ(story->finished, 0);
}

TEST(BodiesTest, BodiesThatNobodyWantsAreDropped) {
  TestServer server;
  RawClient client(server.port());
  const std::string unwanted = "POST /hello HTTP/1.1\r\nHost: a\r\n";
  client.send(unwanted + "Content-Length: 5\r\n\r\nabcde" + unwanted +
              "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" + unwanted +
              "Content-Length: 60000\r\n\r\n" + std::string(60'000, 'x') + hello);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(client.receive().body, "hello");
}

TEST(BodiesTest, LargeBodiesThatNobodyWantsEndTheConnection) {
  TestServer server;
  RawClient client(server.port());
  client.send("POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n" +
              std::string(500'000, 'x'));
  const RawResponse response = client.receive();
  EXPECT_TRUE(response.has("Connection: close"));
  EXPECT_EQ(response.body, "hello");
  client.shut_down_sending();
  EXPECT_TRUE(client.is_closed());
}

TEST(BodiesTest, EndlessChunksThatNobodyWantsEndTheConnection) {
  TestServer server;
  RawClient client(server.port());
  client.send("POST /hello HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(client.receive().body, "hello");
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  for (int i = 0; i < 20; ++i) client.send(chunk);
  EXPECT_EQ(client.receive_all(), "");
}

TEST(BodiesTest, APeerThatGoesAwayDestroysTheReceiver) {
  for (const char* framing : {"Content-Length: 1000000", "Content-Length: 100",
                              "Transfer-Encoding: chunked"}) {
    TestServer server;
    const auto story = add_story(server);
    {
      RawClient client(server.port());
      client.send(post + framing + "\r\n\r\n5\r\nabcde\r\n");
    }
    story->destroyed.wait();
    EXPECT_EQ(story->finished, 0);
    EXPECT_EQ(story->failed, 0);
  }
}

TEST(BodiesTest, APeerThatGoesAwayWhileTheReceiverWorks) {
  TestServer server;
  const auto story = add_story(server);
  Event appending, go_on;
  story->on_append = [&](std::size_t) -> Result<void> {
    appending.set();
    go_on.wait();
    return {};
  };
  {
    RawClient client(server.port());
    client.send(post + "Content-Length: 1000000\r\n\r\nabcde");
    appending.wait();
  }
  go_on.set();
  story->destroyed.wait();
  EXPECT_EQ(story->finished, 0);
}

TEST(BodiesTest, TheHandlerWordsWhatTheTransportRefuses) {
  class Worded final : public HttpHandler {
   public:
    HttpAction handle(const HttpRequest&, HttpResponse&) override {
      throw std::runtime_error("broken");
    }
    void refuse(const HttpRequest& request, const Error& error, HttpResponse& response) override {
      response.status = 599;
      response.bytes().append(request.path()).append(" ").append(to_string(error.code));
    }
    [[nodiscard]] std::string_view route_name(const HttpRequest&) const noexcept override {
      return "worded";
    }
  } handler;
  const auto server = start_http_server(handler, {});
  ASSERT_TRUE(server.ok());
  RawClient client((*server)->port());
  client.send("GET /here HTTP/1.1\r\nHost: a\r\n\r\n");
  const RawResponse response = client.receive();
  EXPECT_EQ(response.status, 599);
  EXPECT_EQ(response.body, "/here internal");
}

TEST(BodiesTest, MoreWorkThanThePoolTakesIs503) {
  HttpServerOptions options;
  options.blocking_threads = 1;
  beast::ServerSeams seams;
  seams.most_waiting_jobs = 1;
  TestServer server(options, seams);
  Event running, go_on;
  server.handler.on("/block", [&](const HttpRequest&, HttpResponse&) -> HttpAction {
    return HttpBlocking{[&](HttpResponse&) {
      running.set();
      go_on.wait();
    }};
  });
  const std::string block = "GET /block HTTP/1.1\r\nHost: a\r\n\r\n";
  RawClient first(server.port()), second(server.port()), third(server.port());
  first.send(block);
  running.wait();
  // Whichever of the two comes last is refused.
  second.send(block);
  third.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na");
  while (!second.is_readable() && !third.is_readable()) std::this_thread::yield();
  RawClient& refused = second.is_readable() ? second : third;
  const RawResponse response = refused.receive();
  EXPECT_EQ(response.status, 503);
  EXPECT_TRUE(response.has("Retry-After: 1\r\n"));
  go_on.set();
  EXPECT_EQ(first.receive().status, 200);
  EXPECT_EQ((&refused == &second ? third : second).receive().status, 200);
  refused.send(hello);
  EXPECT_EQ(refused.receive().body, "hello");
}

}  // namespace
}  // namespace slipway
