// Answers: objects from files and from memory, streams, slow readers.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "tests/beast/objects.hpp"
#include "tests/beast/raw_client.hpp"
#include "tests/beast/test_server.hpp"

namespace slipway {
namespace {

using testing::bytes_of;
using testing::Event;
using testing::FileObject;
using testing::MemoryObject;
using testing::parts_of;
using testing::pattern;
using testing::RawClient;
using testing::RawResponse;
using testing::TestServer;

void serve(TestServer& server, const std::string& path, std::shared_ptr<const Object> object,
           ByteRange range) {
  server.handler.on(path, [=](const HttpRequest&, HttpResponse& response) -> HttpAction {
    response.body() = ObjectBody{object, range};
    return HttpDone();
  });
}

std::string get(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"; }

class ObjectSizesTest : public ::testing::TestWithParam<std::size_t> {};

TEST_P(ObjectSizesTest, WholeAndInRanges) {
  const std::string bytes = pattern(GetParam());
  const auto file = std::make_shared<FileObject>(bytes);
  const auto memory = std::make_shared<MemoryObject>(bytes);
  TestServer server;
  RawClient client(server.port());
  const std::uint64_t size = bytes.size();
  const ByteRange ranges[] = {{0, size}, {size / 3, size / 3}, {size > 0 ? size - 1 : 0, size > 0}, {size, 0}};
  int n = 0;
  for (const ByteRange& range : ranges) {
    const std::string id = std::to_string(n++);
    serve(server, "/file" + id, file, range);
    serve(server, "/memory" + id, memory, range);
    const std::string expected = bytes.substr(range.offset, range.length);
    client.send(get("/file" + id) + get("/memory" + id));
    EXPECT_TRUE(client.receive().body == expected) << range.offset << "+" << range.length;
    EXPECT_TRUE(client.receive().body == expected) << range.offset << "+" << range.length;
  }
  file->make_cold();
  client.send(get("/file0"));
  EXPECT_TRUE(client.receive().body == bytes) << "from a cold file";
}

INSTANTIATE_TEST_SUITE_P(, ObjectSizesTest,
                         ::testing::Values(0, 1, 4095, 4096, 4097, 100'000, 262'144, 262'145,
                                           300'001, 4'194'304, 4'194'305, 13'000'007));

TEST(AnswersTest, WhatIsInThePageCacheIsNotReadByTheObject) {
  TestServer server;
  const auto small = std::make_shared<FileObject>(pattern(50'000));
  const auto large = std::make_shared<FileObject>(pattern(9'000'000));
  serve(server, "/small", small, {0, small->size()});
  serve(server, "/large", large, {0, large->size()});
  RawClient client(server.port());
  client.send(get("/small") + get("/large"));
  client.receive();
  client.receive();
  EXPECT_EQ(small->reads, 0);
  EXPECT_EQ(large->reads, 0);
}

TEST(AnswersTest, AnObjectToHeadSendsNothing) {
  TestServer server;
  const auto object = std::make_shared<MemoryObject>(pattern(1000));
  serve(server, "/object", object, {10, 500});
  RawClient client(server.port());
  client.send("HEAD /object HTTP/1.1\r\nHost: a\r\n\r\n" + get("/hello"));
  EXPECT_TRUE(client.receive(true).has("Content-Length: 500\r\n"));
  EXPECT_EQ(client.receive().body, "hello");
}

TEST(AnswersTest, AnObjectThatCannotBeReadCutsTheAnswer) {
  TestServer server;
  const auto object = std::make_shared<MemoryObject>(pattern(1'000'000));
  serve(server, "/object", object, {0, 1'000'000});
  object->fails = true;
  RawClient client(server.port());
  client.send(get("/object") + get("/hello"));
  const std::string all = client.receive_all();
  EXPECT_LT(all.size(), 1000U) << "what is missing must not look complete";
  EXPECT_EQ(all.find("hello"), std::string::npos);
}

/// Touching such a page would be SIGBUS: only the system does so, while it sends.
TEST(AnswersTest, PagesThatAreLostWhileTheyAreSentCutTheAnswer) {
  TestServer server;
  const auto object = std::make_shared<FileObject>(pattern(30'000'000));
  serve(server, "/object", object, {0, object->size()});
  RawClient client(server.port(), 4096);
  client.send(get("/object"));
  ASSERT_EQ(client.receive(true).status, 200);
  object->lose_bytes();
  EXPECT_LT(client.receive_all().size(), object->size()) << "what is missing must not look complete";
  RawClient other(server.port());
  other.send(get("/object") + get("/hello"));
  EXPECT_LT(other.receive_all().size(), 1000U);
  RawClient third(server.port());
  third.send(get("/hello"));
  EXPECT_EQ(third.receive().body, "hello");
}

TEST(AnswersTest, PartsOfAnObjectBehindTheirTexts) {
  const std::string bytes = pattern(9'000'000);
  const auto file = std::make_shared<FileObject>(bytes);
  const auto memory = std::make_shared<MemoryObject>(bytes);
  TestServer server;
  const auto add = [&](const std::string& path, const std::shared_ptr<const Object>& object) {
    server.handler.on(path, [=](const HttpRequest&, HttpResponse& response) -> HttpAction {
      response.body() = parts_of(object);
      return HttpDone();
    });
  };
  add("/file", file);
  add("/memory", memory);
  const std::string expected = bytes_of(parts_of(file), bytes);
  RawClient client(server.port());
  client.send(get("/file") + get("/memory") + "HEAD /file HTTP/1.1\r\nHost: a\r\n\r\n" + get("/hello"));
  EXPECT_TRUE(client.receive().body == expected);
  EXPECT_EQ(file->reads, 0) << "it was in the page cache";
  EXPECT_TRUE(client.receive().body == expected);
  EXPECT_TRUE(client.receive(true).has("Content-Length: " + std::to_string(expected.size()) + "\r\n"));
  EXPECT_EQ(client.receive().body, "hello");
  file->make_cold();
  client.send(get("/file"));
  EXPECT_TRUE(client.receive().body == expected) << "from a cold file";
}

TEST(AnswersTest, PartsThatCannotBeReadCutTheAnswer) {
  TestServer server;
  const auto object = std::make_shared<MemoryObject>(pattern(6'000'000));
  server.handler.on("/parts", [=](const HttpRequest&, HttpResponse& response) -> HttpAction {
    response.body() = parts_of(object);
    return HttpDone();
  });
  object->fails = true;
  RawClient client(server.port());
  client.send(get("/parts") + get("/hello"));
  const std::string all = client.receive_all();
  EXPECT_LT(all.size(), 1000U) << "what is missing must not look complete";
  EXPECT_EQ(all.find("hello"), std::string::npos);
}

TEST(AnswersTest, ASlowReaderDoesNotDisturbOthers) {
  TestServer server;
  const std::string bytes = pattern(30'000'000);
  serve(server, "/file", std::make_shared<FileObject>(bytes), {0, bytes.size()});
  RawClient slow(server.port(), 4096);
  slow.send(get("/file"));
  RawClient other(server.port());
  for (int i = 0; i < 100; ++i) {
    other.send(get("/hello"));
    ASSERT_EQ(other.receive().body, "hello");
  }
  EXPECT_TRUE(slow.receive().body == bytes);
}

TEST(AnswersTest, APeerThatGoesAwayReleasesTheObject) {
  TestServer server;
  auto object = std::make_shared<FileObject>(pattern(30'000'000));
  const std::weak_ptr<FileObject> watched = object;
  server.handler.on("/once", [&](const HttpRequest&, HttpResponse& response) -> HttpAction {
    response.body() = ObjectBody{std::exchange(object, nullptr), {0, 30'000'000}};
    return HttpDone();
  });
  {
    RawClient client(server.port(), 4096);
    client.send(get("/once"));
    client.take_until("\r\n\r\n");
  }
  while (!watched.expired()) std::this_thread::yield();  // the test's own timeout is the guard
}

// ---- streams ----

/// A stream that gives what it was told to.
struct Tap {
  std::mutex mutex;
  std::string bytes;
  bool ended = false;
  std::function<void()> wake;
  Event asked;      // next answered waiting once
  Event destroyed;

  void give(std::string_view text, bool last = false) {
    std::function<void()> call;
    {
      const std::lock_guard lock(mutex);
      bytes.append(text);
      ended = last;
      call = wake;
    }
    if (call) call();
  }
};

class TapStream final : public BodyStream {
 public:
  explicit TapStream(std::shared_ptr<Tap> tap) : tap_(std::move(tap)) {}
  ~TapStream() override { tap_->destroyed.set(); }
  State next(std::string& out) override {
    const std::lock_guard lock(tap_->mutex);
    out.append(std::exchange(tap_->bytes, {}));
    if (tap_->ended) return State::end;
    tap_->asked.set();
    return State::waiting;
  }
  void on_ready(std::function<void()> wake) override {
    const std::lock_guard lock(tap_->mutex);
    tap_->wake = std::move(wake);
  }

 private:
  std::shared_ptr<Tap> tap_;
};

std::shared_ptr<Tap> add_tap(TestServer& server, const std::string& path = "/stream") {
  auto tap = std::make_shared<Tap>();
  server.handler.on(path, [tap](const HttpRequest&, HttpResponse& response) -> HttpAction {
    response.body() = std::make_unique<TapStream>(tap);
    return HttpDone();
  });
  return tap;
}

TEST(StreamsTest, PiecesArriveWhenTheyAreThere) {
  TestServer server;
  const auto tap = add_tap(server);
  RawClient client(server.port());
  client.send(get("/stream"));
  EXPECT_NE(client.take_until("\r\n\r\n").find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  tap->give("one");
  EXPECT_EQ(client.take_until("one\r\n"), "00000003\r\none\r\n");
  tap->give("twelve bytes");
  EXPECT_EQ(client.take_until("bytes\r\n"), "0000000c\r\ntwelve bytes\r\n");
  tap->give("end", true);
  EXPECT_EQ(client.take_until("0\r\n\r\n"), "00000003\r\nend\r\n0\r\n\r\n");
  client.send(get("/hello"));
  EXPECT_EQ(client.receive().body, "hello");
  tap->destroyed.wait();
}

TEST(StreamsTest, ARequestThatComesMeanwhileIsAnsweredAfterIt) {
  TestServer server;
  const auto tap = add_tap(server);
  RawClient client(server.port());
  client.send(get("/stream"));
  tap->asked.wait();
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n" + std::string(20'000, 'x'));
  tap->give("s", true);
  EXPECT_EQ(client.receive().body, "s");
  EXPECT_EQ(client.receive().body, std::string(20'000, 'x'));
}

TEST(StreamsTest, Http10EndsByClosing) {
  TestServer server;
  const auto tap = add_tap(server);
  RawClient client(server.port());
  client.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  tap->give("all", true);
  const RawResponse response = client.receive();
  EXPECT_FALSE(response.has("Transfer-Encoding"));
  EXPECT_TRUE(response.has("Connection: close"));
  EXPECT_EQ(response.body, "all");
}

TEST(StreamsTest, APeerThatGoesAwayEndsTheStream) {
  TestServer server;
  const auto tap = add_tap(server);
  {
    RawClient client(server.port());
    client.send(get("/stream"));
    tap->asked.wait();
  }
  tap->destroyed.wait();
  tap->give("nobody listens");  // the wake-up outlives its connection
}

TEST(StreamsTest, TheWakeUpOutlivesTheServer) {
  std::shared_ptr<Tap> tap;
  {
    TestServer server;
    tap = add_tap(server);
    RawClient client(server.port());
    client.send(get("/stream"));
    tap->asked.wait();
  }
  tap->give("nobody listens");
}

class EndlessStream final : public BodyStream {
 public:
  State next(std::string& out) override {
    out.append(std::string(10'000, 'x'));
    return ++count_ == 3000 ? State::end : State::more;
  }
  void on_ready(std::function<void()>) override {}

 private:
  int count_ = 0;
};

TEST(StreamsTest, WithMuchToSay) {
  TestServer server;
  server.handler.on("/much", [](const HttpRequest&, HttpResponse& response) -> HttpAction {
    response.body() = std::make_unique<EndlessStream>();
    return HttpDone();
  });
  RawClient client(server.port());
  client.send(get("/much"));
  EXPECT_EQ(client.receive().body.size(), 30'000'000U);
}

TEST(StreamsTest, AnExceptionCutsTheAnswer) {
  class Throwing final : public BodyStream {
    State next(std::string&) override { throw std::runtime_error("no"); }
    void on_ready(std::function<void()>) override {}
  };
  TestServer server;
  server.handler.on("/throw", [](const HttpRequest&, HttpResponse& response) -> HttpAction {
    response.body() = std::make_unique<Throwing>();
    return HttpDone();
  });
  RawClient client(server.port());
  client.send(get("/throw"));
  EXPECT_EQ(client.receive_all().find("0\r\n\r\n"), std::string::npos);
}

TEST(StreamsTest, TwoHundredFollowersHoldNoThread) {
  HttpServerOptions options;
  options.io_threads = 1;
  options.blocking_threads = 1;
  TestServer server(options);
  std::vector<std::shared_ptr<Tap>> taps;
  std::vector<std::unique_ptr<RawClient>> clients;
  constexpr int followers = 200;
  for (int i = 0; i < followers; ++i) {
    taps.push_back(add_tap(server, "/stream" + std::to_string(i)));
    clients.push_back(std::make_unique<RawClient>(server.port()));
    clients.back()->send(get("/stream" + std::to_string(i)));
  }
  for (const auto& tap : taps) tap->asked.wait();
  RawClient other(server.port());
  other.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nfree");
  EXPECT_EQ(other.receive().body, "free") << "the only thread of the pool is held";
  std::thread giver([&] {
    for (int line = 0; line < 10; ++line)
      for (const auto& tap : taps) tap->give("line\n", line == 9);
  });
  for (const auto& client : clients) {
    std::string all;
    const RawResponse response = client->receive();
    for (int line = 0; line < 10; ++line) all += "line\n";
    EXPECT_EQ(response.body, all);
  }
  giver.join();
}

}  // namespace
}  // namespace slipway
