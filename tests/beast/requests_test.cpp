// Requests one after the other: framing, persistence, what is refused.
#include <gtest/gtest.h>

#include "tests/beast/raw_client.hpp"
#include "tests/beast/test_server.hpp"

namespace slipway {
namespace {

using testing::RawClient;
using testing::RawResponse;
using testing::TestServer;

TEST(RequestsTest, AnswersAndKeepsTheConnection) {
  TestServer server;
  RawClient client(server.port());
  for (int i = 0; i < 3; ++i) {
    client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    const RawResponse response = client.receive();
    EXPECT_EQ(response.status, 200);
    EXPECT_TRUE(response.head.starts_with("HTTP/1.1 200 OK\r\n"));
    EXPECT_TRUE(response.has("\r\nDate: ")) << response.head;
    EXPECT_TRUE(response.has("\r\nContent-Type: text/plain\r\n"));
    EXPECT_TRUE(response.has("\r\nContent-Length: 5\r\n"));
    EXPECT_FALSE(response.has("Connection"));
    EXPECT_EQ(response.body, "hello");
  }
}

TEST(RequestsTest, TheHeadMayComeByteByByte) {
  TestServer server;
  RawClient client(server.port());
  for (const char c : std::string_view("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"))
    client.send(std::string_view(&c, 1));
  EXPECT_EQ(client.receive().body, "hello");
}

TEST(RequestsTest, PipelinedOnesAreAnsweredInOrder) {
  TestServer server;
  server.handler.on("/slow", [](const HttpRequest& request, HttpResponse&) -> HttpAction {
    return HttpBlocking{[query = std::string(request.query())](HttpResponse& response) {
      response.bytes() = "slow " + query;
    }};
  });
  RawClient client(server.port());
  std::string all;
  constexpr int rounds = 500;
  for (int i = 0; i < rounds; ++i) {
    const std::string n = std::to_string(i);
    all += "GET /target?" + n + " HTTP/1.1\r\nHost: a\r\n\r\n";
    if (i % 10 == 0) all += "GET /slow?" + n + " HTTP/1.1\r\nHost: a\r\n\r\n";
    all += "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(n.size()) +
           "\r\n\r\n" + n;
    all += "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
  }
  client.send(all);
  for (int i = 0; i < rounds; ++i) {
    const std::string n = std::to_string(i);
    ASSERT_EQ(client.receive().body, "GET /target?" + n);
    if (i % 10 == 0) {
      ASSERT_EQ(client.receive().body, "slow " + n);
    }
    ASSERT_EQ(client.receive().body, n);
    ASSERT_EQ(client.receive().body, "x");
  }
}

TEST(RequestsTest, HeadHasTheLengthWithoutTheBody) {
  TestServer server;
  server.handler.on("/length", [](const HttpRequest&, HttpResponse& response) -> HttpAction {
    response.content_length = 123'456'789'012;
    return HttpDone();
  });
  RawClient client(server.port());
  client.send("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\nHEAD /length HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(client.receive(true).has("Content-Length: 5\r\n"));
  EXPECT_TRUE(client.receive(true).has("Content-Length: 123456789012\r\n"));
  client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.receive().body, "hello");
}

TEST(RequestsTest, NoContentHasNoLength) {
  TestServer server;
  server.handler.on("/same", [](const HttpRequest&, HttpResponse& response) -> HttpAction {
    response.status = 304;
    response.bytes() = "never sent";
    return HttpDone();
  });
  RawClient client(server.port());
  client.send("GET /none HTTP/1.1\r\nHost: a\r\n\r\nGET /same HTTP/1.1\r\nHost: a\r\n\r\n");
  const RawResponse none = client.receive();
  EXPECT_EQ(none.status, 204);
  EXPECT_FALSE(none.has("Content-Length")) << none.head;
  const RawResponse same = client.receive();
  EXPECT_EQ(same.status, 304);
  EXPECT_FALSE(same.has("Content-Length")) << same.head;
  client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.receive().body, "hello");
}

TEST(RequestsTest, ClosesWhenAsked) {
  TestServer server;
  RawClient client(server.port());
  client.send("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const RawResponse response = client.receive();
  EXPECT_TRUE(response.has("\r\nConnection: close\r\n"));
  EXPECT_EQ(response.body, "hello");
  EXPECT_TRUE(client.is_closed());
}

TEST(RequestsTest, HandlersCanClose) {
  TestServer server;
  server.handler.on("/close", [](const HttpRequest&, HttpResponse& response) -> HttpAction {
    response.close = true;
    return HttpDone();
  });
  RawClient client(server.port());
  client.send("GET /close HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(client.receive().has("\r\nConnection: close\r\n"));
  EXPECT_TRUE(client.is_closed());
}

TEST(RequestsTest, Http10ClosesUnlessAskedToStay) {
  TestServer server;
  RawClient first(server.port());
  first.send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(first.receive().body, "hello");
  EXPECT_TRUE(first.is_closed());

  RawClient second(server.port());
  second.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const RawResponse response = second.receive();
  EXPECT_TRUE(response.has("\r\nConnection: keep-alive\r\n"));
  second.send("GET /target HTTP/1.0\r\n\r\n");
  EXPECT_EQ(second.receive().body, "GET /target");
}

TEST(RequestsTest, AClientThatHasSentAllStillGetsItsAnswer) {
  TestServer server;
  RawClient client(server.port());
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
  client.shut_down_sending();
  EXPECT_EQ(client.receive().body, "abc");
  EXPECT_TRUE(client.is_closed());
}

TEST(RequestsTest, TheAbsoluteFormIsUnderstood) {
  TestServer server;
  RawClient client(server.port());
  client.send("GET http://example.com/target?x=1 HTTP/1.1\r\nHost: example.com\r\n\r\n");
  EXPECT_EQ(client.receive().body, "GET /target?x=1");
}

TEST(RequestsTest, EmptyLinesBeforeARequestAreSkipped) {
  TestServer server;
  RawClient client(server.port());
  client.send("\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.receive().body, "hello");
  EXPECT_EQ(client.receive().body, "hello");
}

TEST(RequestsTest, UnknownMethodsReachTheHandler) {
  TestServer server;
  server.handler.on("/method", [](const HttpRequest& request, HttpResponse& response) -> HttpAction {
    EXPECT_EQ(request.method, HttpMethod::other);
    response.bytes() = request.method_text;
    return HttpDone();
  });
  RawClient client(server.port());
  client.send("PROPFIND /method HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.receive().body, "PROPFIND");
}

TEST(RequestsTest, PeerAndFieldsReachTheHandler) {
  TestServer server;
  server.handler.on("/peer", [](const HttpRequest& request, HttpResponse& response) -> HttpAction {
    response.bytes().append(request.peer).append(" ").append(request.field("x-one"));
    EXPECT_FALSE(request.secure);
    EXPECT_FALSE(request.has_body);
    return HttpDone();
  });
  RawClient client(server.port());
  sockaddr_in own{};
  socklen_t size = sizeof own;
  ASSERT_EQ(::getsockname(client.socket(), reinterpret_cast<sockaddr*>(&own), &size), 0);
  client.send("GET /peer HTTP/1.1\r\nHost: a\r\nX-One: \t 1 2 \r\n\r\n");
  EXPECT_EQ(client.receive().body,
            "127.0.0.1:" + std::to_string(ntohs(own.sin_port)) + " 1 2");
}

TEST(RequestsTest, AnExceptionIsA500AndTheConnectionGoesOn) {
  TestServer server;
  server.handler.on("/throw", [](const HttpRequest&, HttpResponse&) -> HttpAction {
    throw std::runtime_error("secret detail");
  });
  server.handler.on("/throw-later", [](const HttpRequest&, HttpResponse&) -> HttpAction {
    return HttpBlocking{[](HttpResponse&) { throw 7; }};
  });
  RawClient client(server.port());
  client.send("GET /throw HTTP/1.1\r\nHost: a\r\n\r\nGET /throw-later HTTP/1.1\r\nHost: a\r\n\r\n");
  for (int i = 0; i < 2; ++i) {
    const RawResponse response = client.receive();
    EXPECT_EQ(response.status, 500);
    EXPECT_EQ(response.body.find("secret"), std::string::npos);
  }
  client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.receive().body, "hello");
}

TEST(RequestsTest, ManyFieldsOrALargeHeadAre431) {
  TestServer server;
  {
    RawClient client(server.port());
    std::string request = "GET /hello HTTP/1.1\r\nHost: a\r\n";
    for (int i = 0; i < 200; ++i) request += "X: y\r\n";
    client.send(request + "\r\n");
    EXPECT_EQ(client.receive().status, 431);
    EXPECT_TRUE(client.is_closed());
  }
  {
    RawClient client(server.port());
    client.send("GET /hello HTTP/1.1\r\nHost: a\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n");
    EXPECT_EQ(client.receive().status, 431);
    EXPECT_TRUE(client.is_closed());
  }
  {
    RawClient client(server.port());
    client.send("GET /" + std::string(20'000, 'x'));  // without an end
    EXPECT_EQ(client.receive().status, 431);
  }
}

struct Refused {
  const char* name;
  std::string request;
  int status;
};

class RefusedRequestsTest : public ::testing::TestWithParam<Refused> {};

TEST_P(RefusedRequestsTest, IsRefusedAndTheConnectionIsClosed) {
  TestServer server;
  RawClient client(server.port());
  client.send(GetParam().request + "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  const RawResponse response = client.receive();
  EXPECT_EQ(response.status, GetParam().status) << response.head << response.body;
  EXPECT_TRUE(response.has("Connection: close"));
  EXPECT_EQ(client.receive_all(), "") << "what came behind was taken for a request";
}

const std::string start = "POST /echo HTTP/1.1\r\nHost: a\r\n";

INSTANTIATE_TEST_SUITE_P(
    , RefusedRequestsTest,
    ::testing::Values(
        Refused{"LengthAndChunked",
                start + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        Refused{"ChunkedAndLength",
                start + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
        Refused{"TwoLengths", start + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
        Refused{"ListOfLengths", start + "Content-Length: 3, 4\r\n\r\nabcd", 400},
        Refused{"SignedLength", start + "Content-Length: +3\r\n\r\nabc", 400},
        Refused{"NegativeLength", start + "Content-Length: -3\r\n\r\nabc", 400},
        Refused{"HexLength", start + "Content-Length: 0x3\r\n\r\nabc", 400},
        Refused{"LengthWithSpace", start + "Content-Length: 3 3\r\n\r\nabc", 400},
        Refused{"HugeLength", start + "Content-Length: 18446744073709551616\r\n\r\nabc", 400},
        Refused{"EmptyLength", start + "Content-Length:\r\n\r\n", 400},
        Refused{"UnknownCoding", start + "Transfer-Encoding: gzip\r\n\r\n", 501},
        Refused{"CodingBeforeChunked", start + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                501},
        Refused{"CodingThatLooksChunked", start + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
                501},
        Refused{"ChunkedTwice",
                start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                400},
        Refused{"ChunkedIn10", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                400},
        Refused{"FoldedField", start + "X-One: a\r\n b\r\n\r\n", 400},
        Refused{"FoldedEmptyField", start + "X-One:\r\n b\r\n\r\n", 400},
        Refused{"FoldedCoding", start + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400},
        Refused{"BareLineFeeds", "GET /hello HTTP/1.1\nHost: a\n\n", 400},
        Refused{"BareLineFeedInHead", "GET /hello HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400},
        Refused{"BareReturnInValue", "GET /hello HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400},
        Refused{"NulInValue",
                std::string("GET /hello HTTP/1.1\r\nHost: a\r\nX: a") + '\0' + "b\r\n\r\n", 400},
        Refused{"SpaceBeforeColon", start + "Content-Length : 3\r\n\r\nabc", 400},
        Refused{"SpaceBeforeField", "GET /hello HTTP/1.1\r\n Host: a\r\n\r\n", 400},
        Refused{"NoFieldName", start + ": a\r\n\r\n", 400},
        Refused{"NoHost", "GET /hello HTTP/1.1\r\n\r\n", 400},
        Refused{"TwoHosts", "GET /hello HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
        Refused{"HostWithPath", "GET /hello HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
        Refused{"Http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        Refused{"Http09", "GET /hello\r\n\r\n", 400},
        Refused{"NoPath", "GET hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        Refused{"OtherExpectation", start + "Expect: 200-maybe\r\nContent-Length: 3\r\n\r\nabc",
                417},
        Refused{"ChunkSizeOverflow",
                start + "Transfer-Encoding: chunked\r\n\r\n10000000000000003\r\nabc\r\n0\r\n\r\n",
                400},
        Refused{"ChunkSizeWithSign",
                start + "Transfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n", 400},
        Refused{"ChunkSizeInLineFeeds", start + "Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n",
                400},
        Refused{"ChunkTooLong",
                start + "Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", 400}),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace slipway
