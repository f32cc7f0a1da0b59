// Hundreds who follow one build's log over sockets.
#include <slipway/http/server.hpp>

#include "tests/http/api_fixture.hpp"  // first: for it, "testing" is GoogleTest's

#include "tests/beast/raw_client.hpp"

namespace slipway::test {
namespace {

using testing::RawClient;

class LogFollowersTest : public ApiFixture {
 protected:
  std::unique_ptr<RawClient> follow(int receive_buffer = 0) {
    auto client = std::make_unique<RawClient>(server_->port(), receive_buffer);
    client->send("GET /api/v1/builds/" + id_ + "/log?follow=true HTTP/1.1\r\nHost: a\r\n" +
                 "Authorization: Bearer " + builder_ + "\r\n\r\n");
    return client;
  }
  void append(const std::string& bytes) {
    ASSERT_TRUE(logs_.append(id_, log_.size(), bytes, {}).ok());
    log_ += bytes;
  }
  void end() {
    ASSERT_TRUE(queue_->cancel(id_, "requested").ok());
    log_ += "slipway: cancelled: requested\n";
  }
  /// Chunks until so many bytes have come.
  static void read_chunks(RawClient& client, std::size_t size, std::string& text) {
    while (text.size() < size) {
      const std::string line = client.take_until("\r\n");
      const std::string data = client.take(std::strtoull(line.c_str(), nullptr, 16) + 2);
      ASSERT_GT(data.size(), 2U) << "it ended";
      text.append(data, 0, data.size() - 2);
    }
  }

  const std::string id_ = submit("app/web");
  std::string log_;
  std::unique_ptr<HttpServer> server_ = *start_http_server(*api_, {});
};

TEST_F(LogFollowersTest, ThreeHundredGetEachLineWhenItIsWrittenWithoutHoleOrRepeat) {
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 300; ++i) clients.push_back(follow());
  for (const auto& client : clients)
    ASSERT_NE(client->take_until("\r\n\r\n").find("200 OK"), std::string::npos);
  std::vector<std::string> texts(clients.size());
  for (int line = 0; line < 20; ++line) {
    append("line " + std::to_string(line) + std::string(static_cast<std::size_t>(line * 97), '.') +
           "\n");
    for (std::size_t i = 0; i < clients.size(); ++i) read_chunks(*clients[i], log_.size(), texts[i]);
  }
  end();
  for (std::size_t i = 0; i < clients.size(); ++i) {
    read_chunks(*clients[i], log_.size(), texts[i]);
    EXPECT_EQ(clients[i]->take(5), "0\r\n\r\n");
    EXPECT_TRUE(texts[i] == log_) << i;
  }
}

TEST_F(LogFollowersTest, OneThatDoesNotReadHoldsUpNobodyAndMissesNothing) {
  const auto still = follow(4096);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(follow());
  for (const auto& client : clients) client->take_until("\r\n\r\n");
  std::vector<std::string> texts(clients.size());
  for (int chunk = 0; chunk < 50; ++chunk) {  // more than all the buffers of a socket
    append(std::string(200'000, static_cast<char>('a' + chunk % 26)) + "\n");
    for (std::size_t i = 0; i < clients.size(); ++i) read_chunks(*clients[i], log_.size(), texts[i]);
  }
  end();
  for (std::size_t i = 0; i < clients.size(); ++i) {
    read_chunks(*clients[i], log_.size(), texts[i]);
    EXPECT_TRUE(texts[i] == log_) << i;
  }
  EXPECT_TRUE(still->receive().body == log_);
}

}  // namespace
}  // namespace slipway::test
