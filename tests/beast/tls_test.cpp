// TLS, of the server and of the client.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "crypto/certificate.hpp"
#include "tests/beast/certificate.hpp"
#include "tests/beast/client.hpp"
#include "tests/beast/objects.hpp"
#include "tests/beast/raw_client.hpp"
#include "tests/beast/test_server.hpp"

namespace slipway {
namespace {

using namespace std::chrono_literals;
using testing::Certificate;
using testing::make_transport;
using testing::request_to;
using testing::TestServer;

HttpServerOptions with_tls(const Certificate& certificate) {
  HttpServerOptions options;
  options.tls = TlsServerOptions{certificate.certificate(), certificate.key(), {}, {}};
  return options;
}

TransportOptions trusting(const std::filesystem::path& authority) {
  TransportOptions options;
  options.ca_file = authority;
  return options;
}
TransportOptions known_by(TransportOptions options, const std::filesystem::path& certificate,
                          const std::filesystem::path& key) {
  options.certificate = certificate;
  options.key = key;
  return options;
}

TEST(TlsTest, CarriesWhatPlainSocketsCarry) {
  const Certificate certificate;
  TestServer server(with_tls(certificate));
  server.handler.on("/secure", [](const HttpRequest& request, HttpResponse& response) -> HttpAction {
    response.bytes() = request.secure ? "yes " : "no ";
    response.bytes().append(request.peer);
    return HttpDone();
  });
  const auto transport = make_transport(trusting(certificate.certificate()));
  const auto first = transport->send(request_to(server.port(), "/secure", "https"));
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_TRUE(first->body.starts_with("yes 127.0.0.1:"));
  EXPECT_EQ(transport->send(request_to(server.port(), "/secure", "https"))->body, first->body)
      << "the connection was not used again";

  OutgoingRequest by_name = request_to(server.port(), "/echo", "https");
  by_name.url = "https://localhost:" + std::to_string(server.port()) + "/echo";
  by_name.method = HttpMethod::post;
  by_name.body = std::string(5'000'000, 'z');
  const auto echoed = transport->send(by_name);
  ASSERT_TRUE(echoed.ok()) << echoed.error().message;
  EXPECT_TRUE(echoed->body == by_name.body);
}

/// What a request for several ranges is answered with, from the page cache and from the disk.
TEST(TlsTest, PartsOfAnObject) {
  const Certificate certificate;
  TestServer server(with_tls(certificate));
  const std::string bytes = testing::pattern(9'000'000);
  const auto object = std::make_shared<testing::FileObject>(bytes);
  server.handler.on("/parts", [&](const HttpRequest&, HttpResponse& response) -> HttpAction {
    response.body() = testing::parts_of(object);
    return HttpDone();
  });
  const std::string expected = testing::bytes_of(testing::parts_of(object), bytes);
  const auto transport = make_transport(trusting(certificate.certificate()));
  for (const char* where : {"cached", "cold"}) {
    const auto answer = transport->send(request_to(server.port(), "/parts", "https"));
    ASSERT_TRUE(answer.ok()) << answer.error().message;
    EXPECT_TRUE(answer->body == expected) << where;
    object->make_cold();
  }
  object->lose_bytes();
  const auto broken = transport->send(request_to(server.port(), "/parts", "https"));
  EXPECT_FALSE(broken.ok()) << "what is missing must not look complete";
  EXPECT_EQ(transport->send(request_to(server.port(), "/hello", "https"))->body, "hello");
}

TEST(TlsTest, AnUnknownAuthorityIsDenied) {
  const Certificate certificate;
  TestServer server(with_tls(certificate));
  const auto response = make_transport()->send(request_to(server.port(), "/hello", "https"));
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code, ErrorCode::denied);
}

TEST(TlsTest, ACertificateThatIsNamedItselfNeedsNoIssuer) {
  const Certificate authority;
  const Certificate certificate("DNS:localhost,IP:127.0.0.1", &authority);
  TestServer server(with_tls(certificate));
  for (const auto& trusted : {certificate.certificate(), authority.certificate()}) {
    const auto transport = make_transport(trusting(trusted));
    const auto response = transport->send(request_to(server.port(), "/hello", "https"));
    ASSERT_TRUE(response.ok()) << response.error().message;
    EXPECT_EQ(response->body, "hello");
  }
}

TEST(TlsTest, AnotherNameIsDenied) {
  const Certificate certificate("DNS:elsewhere.example");
  TestServer server(with_tls(certificate));
  const auto transport = make_transport(trusting(certificate.certificate()));
  const auto response = transport->send(request_to(server.port(), "/hello", "https"));
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code, ErrorCode::denied);
}

TEST(TlsTest, ClientsCanBeAskedForACertificate) {
  const Certificate certificate, client;
  HttpServerOptions options = with_tls(certificate);
  options.tls->client_ca = client.certificate();
  TestServer server(options);
  const auto transport = make_transport(trusting(certificate.certificate()));
  const auto without = transport->send(request_to(server.port(), "/hello", "https"));
  EXPECT_FALSE(without.ok());
  const std::string curl = "curl -s --cacert '" + certificate.certificate().string() +
                           "' --cert '" + client.certificate().string() + "' --key '" +
                           client.key().string() + "' https://localhost:" +
                           std::to_string(server.port()) + "/hello | grep -q hello";
  EXPECT_EQ(std::system(curl.c_str()), 0);

  const auto with = make_transport(
      known_by(trusting(certificate.certificate()), client.certificate(), client.key()));
  const auto answer = with->send(request_to(server.port(), "/hello", "https"));
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->body, "hello");
}

TEST(TlsTest, ACertificateOfTheServersOwnIsTakenBesideTheAuthoritiesOnes) {
  const Certificate certificate, client, stranger;
  const auto identity = crypto::make_client_authority("slipway worker");
  ASSERT_TRUE(identity.ok()) << identity.error().message;
  const std::filesystem::path folder = stranger.key().parent_path();
  const std::filesystem::path file = folder / "identity.pem", issued = folder / "issued.pem",
                              expired = folder / "expired.pem";
  std::ofstream(file) << *identity;
  const Timestamp now = Clock::system().now();
  for (const auto& [path, end] : {std::pair(issued, now + std::chrono::hours(1)),
                                  std::pair(expired, now - std::chrono::hours(1))})
    std::ofstream(path) << crypto::issue_client_identity(*identity, "slipway build", end).value();
  HttpServerOptions options = with_tls(certificate);
  options.tls->client_ca = client.certificate();
  options.tls->own_client = file;
  TestServer server(options);
  const auto status = [&](const std::filesystem::path& shown, const std::filesystem::path& key) {
    const auto answer = make_transport(known_by(trusting(certificate.certificate()), shown, key))
                            ->send(request_to(server.port(), "/hello", "https"));
    return answer ? answer->status : 0;
  };
  EXPECT_EQ(status(file, {}), 200);
  EXPECT_EQ(status(issued, {}), 200) << "what it signed";
  EXPECT_EQ(status(expired, {}), 0);
  EXPECT_EQ(status(client.certificate(), client.key()), 200);
  EXPECT_EQ(status(stranger.certificate(), stranger.key()), 0);
}

TEST(TlsTest, OldVersionsAreRefused) {
  const Certificate certificate;
  TestServer server(with_tls(certificate));
  const std::string url = "https://localhost:" + std::to_string(server.port()) + "/hello";
  const std::string curl = "curl -s --cacert '" + certificate.certificate().string() + "' ";
  EXPECT_NE(std::system((curl + "--tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0 " + url).c_str()), 0);
  EXPECT_EQ(std::system((curl + "--tls-max 1.2 " + url + " | grep -q hello").c_str()), 0);
  EXPECT_EQ(std::system((curl + "--tlsv1.3 " + url + " | grep -q hello").c_str()), 0);
}

TEST(TlsTest, AHandshakeMustComeInTime) {
  const Certificate certificate;
  ManualClock clock{Timestamp(1700000000000ms)};
  TestServer server(with_tls(certificate), {.clock = &clock});
  testing::RawClient client(server.port());
  while (!client.is_readable()) {
    clock.advance(1s);
    std::this_thread::yield();
  }
  EXPECT_TRUE(client.is_closed());
}

TEST(TlsTest, ABodyThatDoesNotComeIsToldSo) {
  const Certificate certificate;
  ManualClock clock{Timestamp(1700000000000ms)};
  TestServer server(with_tls(certificate), {.clock = &clock});
  testing::Event arrived;
  server.handler.on("/body", [&](const HttpRequest&, HttpResponse&) -> HttpAction {
    arrived.set();
    return HttpReceive{receive_whole_body(
        1'000'000, [](std::string&&, HttpResponse&) {}, [](const Error&, HttpResponse&) {})};
  });
  const std::filesystem::path answer = certificate.key().parent_path() / "answer";
  std::FILE* const client = ::popen(("openssl s_client -quiet -connect localhost:" +
                                     std::to_string(server.port()) + " >'" + answer.string() +
                                     "' 2>/dev/null").c_str(), "w");
  ASSERT_NE(client, nullptr);
  std::fputs("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc", client);
  std::fflush(client);
  arrived.wait();
  std::string text;
  while (text.find("limits.stall_timeout") == std::string::npos) {
    clock.advance(1s);
    std::ifstream file(answer);
    text.assign(std::istreambuf_iterator<char>(file), {});
  }
  EXPECT_TRUE(text.starts_with("HTTP/1.1 408 Request Timeout\r\n")) << text;
  EXPECT_NE(text.find("Connection: close\r\n"), std::string::npos) << text;
  ::pclose(client);
}

TEST(TlsTest, PlainTextToATlsServerIsClosed) {
  const Certificate certificate;
  TestServer server(with_tls(certificate));
  testing::RawClient client(server.port());
  client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.receive_all().find("HTTP/1.1 200"), std::string::npos);
}

TEST(TlsTest, FilesThatCannotBeUsedAreNamed) {
  const Certificate certificate, other;
  TestServer any;
  HttpServerOptions options = with_tls(certificate);
  options.tls->key = other.key();
  const auto mixed = start_http_server(any.handler, options);
  ASSERT_FALSE(mixed.ok());
  EXPECT_EQ(mixed.error().code, ErrorCode::corrupt);
  EXPECT_NE(mixed.error().message.find(other.key().string()), std::string::npos);
  options.tls->certificate = "/no/such/file.pem";
  const auto missing = start_http_server(any.handler, options);
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().message.find("/no/such/file.pem"), std::string::npos);
  EXPECT_EQ(make_http_transport(trusting("/no/such/ca.pem")).error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace slipway
