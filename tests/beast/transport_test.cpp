// The client against the server, and against peers that misbehave.
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <numeric>
#include <thread>

#include "tests/beast/client.hpp"
#include "tests/beast/peer.hpp"
#include "tests/beast/test_server.hpp"

namespace slipway {
namespace {

using namespace std::chrono_literals;
using testing::Event;
using testing::make_transport;
using testing::request_to;
using testing::TestServer;

/// A server that answers each connection with given bytes after it has read a head, and closes.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<std::string> answers) : answers_(std::move(answers)) {}
  [[nodiscard]] std::uint16_t port() const noexcept { return peer_.port(); }
  [[nodiscard]] const std::string& head() const noexcept { return head_; }

 private:
  bool serve(int socket) {
    std::string head;
    char byte = 0;
    while (head.find("\r\n\r\n") == std::string::npos && ::recv(socket, &byte, 1, 0) == 1)
      head.push_back(byte);
    head_ = head;
    const std::string& answer = answers_[answered_++];
    ::send(socket, answer.data(), answer.size(), MSG_NOSIGNAL);
    ::shutdown(socket, SHUT_WR);
    while (::recv(socket, &byte, 1, 0) == 1) {
    }
    return answered_ < answers_.size();
  }

  const std::vector<std::string> answers_;
  std::size_t answered_ = 0;
  std::string head_;
  testing::Peer peer_{[this](int socket) { return serve(socket); }};
};

TEST(TransportTest, GetsAndReusesItsConnection) {
  TestServer server;
  server.handler.on("/peer", [](const HttpRequest& request, HttpResponse& response) -> HttpAction {
    response.add("X-Agent", request.field("User-Agent"));
    response.add("X-Host", request.field("Host"));
    response.bytes() = request.peer;
    return HttpDone();
  });
  TransportOptions options;
  options.user_agent = "tester/1";
  const auto transport = make_transport(options);
  const auto first = transport->send(request_to(server.port(), "/peer"));
  const auto second = transport->send(request_to(server.port(), "/peer"));
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->status, 200);
  EXPECT_EQ(first->field("x-agent"), "tester/1");
  EXPECT_EQ(first->field("x-host"), "127.0.0.1:" + std::to_string(server.port()));
  EXPECT_EQ(first->body, second->body) << "the second request came from another port";
}

TEST(TransportTest, SendsBodiesOfEachKind) {
  TestServer server;
  const auto transport = make_transport();
  OutgoingRequest request = request_to(server.port(), "/echo");
  request.method = HttpMethod::post;
  request.body = "text";
  EXPECT_EQ(transport->send(request)->body, "text");
  request.body = std::string(3'000'000, 'y');
  EXPECT_EQ(transport->send(request)->body, request.body);
  request.body.clear();
  EXPECT_EQ(transport->send(request)->body, "");

  for (const bool known : {true, false}) {
    std::string all(1'234'567, '\0');
    std::iota(all.begin(), all.end(), '\0');
    std::size_t at = 0;
    request.body_source = [&](std::span<std::byte> out) -> Result<std::size_t> {
      const std::size_t size = std::min({out.size(), all.size() - at, std::size_t{100'000}});
      std::copy_n(std::as_bytes(std::span(all)).begin() + static_cast<std::ptrdiff_t>(at), size,
                  out.begin());
      at += size;
      return size;
    };
    request.body_size = known ? std::optional<std::uint64_t>(all.size()) : std::nullopt;
    const auto response = transport->send(request);
    ASSERT_TRUE(response.ok());
    EXPECT_TRUE(response->body == all);
  }
}

TEST(TransportTest, ASourceThatFailsEndsTheExchange) {
  TestServer server;
  const auto transport = make_transport();
  OutgoingRequest request = request_to(server.port(), "/echo");
  request.method = HttpMethod::put;
  request.body_source = [](std::span<std::byte>) -> Result<std::size_t> {
    return Error(ErrorCode::corrupt, "source");
  };
  const auto failed = transport->send(request);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error(), Error(ErrorCode::corrupt, "source"));

  request.body_size = 10;
  request.body_source = [](std::span<std::byte>) -> Result<std::size_t> { return std::size_t{0}; };
  const auto short_one = transport->send(request);
  ASSERT_FALSE(short_one.ok());
  EXPECT_EQ(short_one.error().code, ErrorCode::invalid_argument);
}

TEST(TransportTest, ASinkTakesTheBodyOfGoodAnswersOnly) {
  TestServer server;
  server.handler.on("/large", [](const HttpRequest&, HttpResponse& response) -> HttpAction {
    response.bytes().assign(40'000'000, 'x');
    return HttpDone();
  });
  const auto transport = make_transport();
  std::size_t taken = 0;
  const BodySink sink = [&](std::span<const std::byte> bytes) -> Result<void> {
    taken += bytes.size();
    return {};
  };
  const auto large = transport->send(request_to(server.port(), "/large"), sink);
  ASSERT_TRUE(large.ok());
  EXPECT_EQ(taken, 40'000'000U);
  EXPECT_EQ(large->body, "");

  taken = 0;
  const auto missing = transport->send(request_to(server.port(), "/missing"), sink);
  ASSERT_TRUE(missing.ok());
  EXPECT_EQ(missing->status, 404);
  EXPECT_EQ(taken, 0U);
  EXPECT_NE(missing->body.find("not_found"), std::string::npos);

  const auto kept = transport->send(request_to(server.port(), "/large"));
  ASSERT_FALSE(kept.ok());
  EXPECT_EQ(kept.error().code, ErrorCode::too_large);

  const auto refused = transport->send(
      request_to(server.port(), "/large"),
      [](std::span<const std::byte>) -> Result<void> { return Error(ErrorCode::io, "disk"); });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error(), Error(ErrorCode::io, "disk"));
}

TEST(TransportTest, ReadsChunkedAnswersAndSkipsInterimOnes) {
  ScriptedServer server(
      {"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
       "HTTP/1.1 201 Created\r\nLocation: /x\r\nTransfer-Encoding: chunked\r\n\r\n"
       "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: x\r\n\r\n"});
  const auto response = make_transport()->send(request_to(server.port(), "/a b"));
  ASSERT_FALSE(response.ok()) << "a space in a URL";
  EXPECT_EQ(response.error().code, ErrorCode::invalid_argument);
  const auto good = make_transport()->send(request_to(server.port(), "/a%20b?c=d#fragment"));
  ASSERT_TRUE(good.ok()) << good.error().message;
  EXPECT_EQ(good->status, 201);
  EXPECT_EQ(good->body, "abcde");
  EXPECT_EQ(good->field("location"), "/x");
  EXPECT_EQ(good->field("link"), "");
  EXPECT_TRUE(server.head().starts_with("GET /a%20b?c=d HTTP/1.1\r\n")) << server.head();
}

TEST(TransportTest, AnAnswerMayEndWithTheConnection) {
  ScriptedServer server({"HTTP/1.0 200 OK\r\n\r\nall of it"});
  EXPECT_EQ(make_transport()->send(request_to(server.port(), "/"))->body, "all of it");
}

TEST(TransportTest, AnAnswerThatIsCutIsAnError) {
  ScriptedServer server({"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
                         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
                         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                         "HTTP/1.1 200 OK\r\nContent-Le", "SSH-2.0-OpenSSH_9.2\r\n\r\n", ""});
  const auto transport = make_transport();
  const ErrorCode expected[] = {ErrorCode::io, ErrorCode::io,          ErrorCode::io,
                                ErrorCode::unavailable, ErrorCode::io, ErrorCode::unavailable};
  for (const ErrorCode code : expected) {
    const auto response = transport->send(request_to(server.port(), "/"));
    ASSERT_FALSE(response.ok());
    EXPECT_EQ(response.error().code, code) << response.error().message;
  }
}

TEST(TransportTest, ARefusalThatComesBeforeTheBodyHasGoneIsTheAnswer) {
  ScriptedServer server({"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig"});
  OutgoingRequest request = request_to(server.port(), "/");
  request.method = HttpMethod::put;
  std::uint64_t given = 0;
  request.body_source = [&](std::span<std::byte> out) -> Result<std::size_t> {
    given += out.size();
    return given > 2'000'000'000 ? std::size_t{0} : out.size();
  };
  const auto response = make_transport()->send(request);
  ASSERT_TRUE(response.ok()) << response.error().message;
  EXPECT_EQ(response->status, 413);
  EXPECT_EQ(response->body, "big");
  EXPECT_LT(given, 2'000'000'000U);
}

TEST(TransportTest, AConnectionThatWasClosedMeanwhileIsReplaced) {
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  ScriptedServer server({answer, answer, answer});
  const auto transport = make_transport();
  for (int i = 0; i < 3; ++i) {
    const auto response = transport->send(request_to(server.port(), "/"));
    ASSERT_TRUE(response.ok()) << response.error().message;
    EXPECT_EQ(response->body, "ok");
  }
}

TEST(TransportTest, NobodyListens) {
  std::uint16_t port = 0;
  {
    TestServer server;
    port = server.port();
  }
  const auto response = make_transport()->send(request_to(port, "/"));
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code, ErrorCode::unavailable);
  EXPECT_NE(response.error().message.find(std::to_string(port)), std::string::npos);
}

TEST(TransportTest, LosesPatience) {
  TestServer server;
  Event go_on;
  server.handler.on("/block", [&](const HttpRequest&, HttpResponse&) -> HttpAction {
    return HttpBlocking{[&](HttpResponse&) { go_on.wait(); }};
  });
  OutgoingRequest request = request_to(server.port(), "/block");
  request.timeout = 50ms;
  const auto response = make_transport()->send(request);
  go_on.set();
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code, ErrorCode::timed_out);
}

TEST(TransportTest, CanBeStopped) {
  TestServer server;
  Event running, go_on;
  server.handler.on("/block", [&](const HttpRequest&, HttpResponse&) -> HttpAction {
    return HttpBlocking{[&](HttpResponse&) {
      running.set();
      go_on.wait();
    }};
  });
  std::stop_source stop;
  std::thread stopper([&] {
    running.wait();
    stop.request_stop();
  });
  const auto transport = make_transport();
  const auto response =
      transport->send(request_to(server.port(), "/block"), {}, stop.get_token());
  go_on.set();
  stopper.join();
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code, ErrorCode::cancelled);
  const auto stopped = transport->send(request_to(server.port(), "/hello"), {}, stop.get_token());
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().code, ErrorCode::cancelled);
}

TEST(TransportTest, RefusesWhatItCannotSend) {
  const auto transport = make_transport();
  for (const char* url : {"", "no url", "ftp://a/", "http://", "http://user:secret@a/",
                          "http://a:99999/", "/v2/"}) {
    OutgoingRequest request;
    request.url = url;
    const auto response = transport->send(request);
    ASSERT_FALSE(response.ok()) << url;
    EXPECT_EQ(response.error().code, ErrorCode::invalid_argument) << url;
  }
  OutgoingRequest request;
  request.url = "http://127.0.0.1:1/";
  request.fields = {{"X", "a\r\nY: b"}};
  EXPECT_EQ(transport->send(request).error().code, ErrorCode::invalid_argument);
}

TEST(TransportTest, ServesManyThreads) {
  HttpServerOptions options;
  options.io_threads = 2;
  TestServer server(options);
  const auto transport = make_transport();
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        OutgoingRequest request = request_to(server.port(), "/echo");
        request.method = HttpMethod::post;
        request.body = std::to_string(t * 1000 + i);
        const auto response = transport->send(request);
        if (response && response->body == request.body) ++good;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 400);
}

}  // namespace
}  // namespace slipway
