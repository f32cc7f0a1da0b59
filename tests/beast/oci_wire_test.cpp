// The registry over a socket, where the bytes on the wire matter: what other registries got wrong
// there (docs/registry.md).
#include <slipway/http/server.hpp>

#include "tests/http/oci_fixture.hpp"  // first: for it, "testing" is GoogleTest's

#include "tests/beast/raw_client.hpp"

namespace slipway::test {
namespace {

using testing::RawClient;
using testing::RawResponse;

class OciWireTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  static std::string request(const std::string& method, const std::string& target,
                             const std::string& fields = "", const std::string& body = "") {
    return method + " " + target + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body;
  }
  static std::string length_of(const std::string& body) {
    return "Content-Length: " + std::to_string(body.size()) + "\r\n";
  }
  static std::string location(const RawResponse& response) {
    const std::size_t start = response.head.find("Location: ") + 10;
    return response.head.substr(start, response.head.find("\r\n", start) - start);
  }

  /// Answers the blob's path.
  std::string push_blob(const std::string& bytes) {
    const std::string digest = digest_text(bytes);
    client_.send(request("POST", "/v2/app/blobs/uploads/?digest=" + digest, length_of(bytes), bytes));
    EXPECT_EQ(client_.receive().status, 201);
    return "/v2/app/blobs/" + digest;
  }
  RawResponse begin_upload() {
    client_.send(request("POST", "/v2/app/blobs/uploads/", "Content-Length: 0\r\n"));
    return client_.receive();
  }

  OciWorld world_{GetParam()};
  std::unique_ptr<HttpServer> server_ = *start_http_server(world_.handler(), {});
  RawClient client_{server_->port()};
};
INSTANTIATE_TEST_SUITE_P(Stores, OciWireTest,
                         ::testing::Values(StoreKind::memory, StoreKind::folder), store_name);

TEST_P(OciWireTest, SeveralRangesOfABlobOfAnySize) {
  for (const std::size_t size : {10'000U, 3'000'000U}) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 % 251);
    const std::string path = push_blob(bytes);
    client_.send(request("GET", path, "Range: bytes=1-2, -3, 5000-5999\r\n"));
    const RawResponse answer = client_.receive();
    EXPECT_EQ(answer.status, 206);
    const std::string type = "Content-Type: multipart/byteranges; boundary=";
    ASSERT_TRUE(answer.has(type)) << answer.head;
    const std::size_t start = answer.head.find(type) + type.size();
    const std::string boundary = answer.head.substr(start, answer.head.find("\r\n", start) - start);
    const auto part = [&](std::size_t first, std::size_t last) {
      return "--" + boundary + "\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes " +
             std::to_string(first) + "-" + std::to_string(last) + "/" + std::to_string(size) +
             "\r\n\r\n" + bytes.substr(first, last - first + 1) + "\r\n";
    };
    EXPECT_EQ(answer.body, part(1, 2) + part(size - 3, size - 1) + part(5000, 5999) + "--" +
                               boundary + "--\r\n");
    client_.send(request("HEAD", path, "Range: bytes=1-2, -3\r\n"));
    const RawResponse head = client_.receive(true);
    EXPECT_EQ(head.status, 200);
    EXPECT_TRUE(head.has("Content-Length: " + std::to_string(size) + "\r\n"));
  }
}

TEST_P(OciWireTest, UploadRangesAreBareAndThoseOfReadsAreNot) {
  const RawResponse begun = begin_upload();
  EXPECT_TRUE(begun.has("Range: 0-0\r\n"));
  client_.send(request("PATCH", location(begun), "Content-Range: 0-9\r\nContent-Length: 10\r\n",
                       "0123456789"));
  EXPECT_TRUE(client_.receive().has("\r\nRange: 0-9\r\n"));
  client_.send(request("GET", push_blob("0123456789"), "Range: bytes=2-4\r\n"));
  const RawResponse read = client_.receive();
  EXPECT_TRUE(read.has("\r\nContent-Range: bytes 2-4/10\r\n"));
  EXPECT_EQ(read.body, "234");
}

TEST_P(OciWireTest, TheClosingPutMayBeChunked) {
  const std::string upload = location(begin_upload());
  client_.send(request("PUT", upload + "?digest=" + digest_text("hello world"),
                       "Transfer-Encoding: chunked\r\n",
                       "6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n"));
  const RawResponse answer = client_.receive();
  EXPECT_EQ(answer.status, 201);
  client_.send(request("GET", location(answer)));
  EXPECT_EQ(client_.receive().body, "hello world");
}

TEST_P(OciWireTest, ARefusedChunkLeavesTheUploadAndTheConnection) {
  const std::string upload = location(begin_upload());
  const std::string closing = upload + "?digest=" + digest_text("abc");
  client_.send(request("PUT", closing, "Content-Range: 7-9\r\nContent-Length: 3\r\n", "abc"));
  const RawResponse refused = client_.receive();
  EXPECT_EQ(refused.status, 416);
  EXPECT_TRUE(refused.has("\r\nRange: 0-0\r\n"));
  client_.send(request("PUT", closing, "Content-Range: 0-2\r\nContent-Length: 3\r\n", "abc"));
  EXPECT_EQ(client_.receive().status, 201);
}

TEST_P(OciWireTest, ExpectIsAnsweredOnUnknownUploadsToo) {
  for (const char* method : {"PATCH", "PUT"}) {
    RawClient client(server_->port());
    client.send(request(method, "/v2/app/blobs/uploads/nonsense?digest=" + digest_text("abc"),
                        "Expect: 100-continue\r\nContent-Length: 3\r\n"));
    const RawResponse answer = client.receive();
    EXPECT_EQ(answer.status, 404) << "and no 100 before it";
    EXPECT_NE(answer.body.find("BLOB_UPLOAD_UNKNOWN"), std::string::npos);
  }
  const std::string upload = location(begin_upload());
  client_.send(request("PUT", upload + "?digest=" + digest_text("abc"),
                       "Expect: 100-continue\r\nContent-Length: 3\r\n"));
  EXPECT_EQ(client_.take_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client_.send("abc");
  EXPECT_EQ(client_.receive().status, 201);
}

TEST_P(OciWireTest, ASmuggledDeleteDoesNotRun) {  // RFC 9112 section 6.1
  const std::string blob = push_blob("still here");
  const std::string smuggled = request("DELETE", blob);
  RawClient attacker(server_->port());
  attacker.send(request("PUT", location(begin_upload()) + "?digest=" + digest_text(""),
                        "Content-Length: " + std::to_string(5 + smuggled.size()) +
                            "\r\nTransfer-Encoding: chunked\r\n",
                        "0\r\n\r\n" + smuggled));
  const std::string all = attacker.receive_all();
  EXPECT_TRUE(all.starts_with("HTTP/1.1 400 ")) << all;
  EXPECT_EQ(all.find("HTTP/1.1", 1), std::string::npos) << "one answer, and the end";
  client_.send(request("GET", blob));
  EXPECT_EQ(client_.receive().body, "still here");
}

TEST_P(OciWireTest, NoTypeHasACharset) {
  push_blob("{}");
  const std::string json = image_json("{}", {});
  client_.send(request("PUT", "/v2/app/manifests/v1",
                       "Content-Type: " + oci_manifest_type + "; charset=utf-8\r\n" + length_of(json),
                       json));
  EXPECT_EQ(client_.receive().status, 201);
  for (const std::string& target :
       {std::string("/v2/"), std::string("/v2/_catalog"), std::string("/v2/app/tags/list"),
        std::string("/v2/app/manifests/v1"), std::string("/v2/app/manifests/none"),
        "/v2/app/blobs/" + digest_text("{}"), "/v2/app/referrers/" + digest_text(json)})
    for (const char* method : {"GET", "HEAD"}) {
      client_.send(request(method, target));
      const RawResponse answer = client_.receive(std::string_view(method) == "HEAD");
      EXPECT_TRUE(answer.has("Content-Type: ")) << target;
      EXPECT_FALSE(answer.has("charset")) << target << "\n" << answer.head;
    }
}

TEST_P(OciWireTest, ALongNameIsNo500) {
  const std::string name(256, 'a');
  for (const std::string& sent :
       {request("GET", "/v2/" + name + "/tags/list"), request("HEAD", "/v2/" + name + "/manifests/v1"),
        request("POST", "/v2/" + name + "/blobs/uploads/", "Content-Length: 0\r\n")}) {
    client_.send(sent);
    EXPECT_EQ(client_.receive(sent.starts_with("HEAD")).status, 400) << sent;
  }
}

}  // namespace
}  // namespace slipway::test
