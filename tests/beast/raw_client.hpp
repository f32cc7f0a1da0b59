// A client that knows nothing of HTTP but where an answer ends: what goes over the socket is what
// the test wrote.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

namespace slipway::testing {

struct RawResponse {
  int status = 0;
  std::string head;
  std::string body;  // as sent: chunked ones with their chunks' sizes

  [[nodiscard]] bool has(std::string_view text) const {
    return head.find(text) != std::string::npos;
  }
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer = 0) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer > 0)
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const timeval guard{60, 0};  // a test fails rather than hangs
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &guard, sizeof guard);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &guard, sizeof guard);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("connect");
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  [[nodiscard]] int socket() const noexcept { return socket_; }

  /// False: the peer has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  void shut_down_sending() { ::shutdown(socket_, SHUT_WR); }

  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }

  /// One answer. `to_head`: the request was a HEAD. Throws when the connection ends in it.
  RawResponse receive(bool to_head = false) {
    RawResponse response;
    response.head = take_until("\r\n\r\n");
    response.status = std::atoi(response.head.substr(9, 3).c_str());
    if (to_head || response.status < 200 || response.status == 204 || response.status == 304)
      return response;
    if (response.has("Transfer-Encoding: chunked")) {
      for (;;) {
        const std::string line = take_until("\r\n");
        const std::string data = take(std::strtoull(line.c_str(), nullptr, 16) + 2);
        if (data == "\r\n") return response;
        response.body.append(data, 0, data.size() - 2);
      }
    }
    const std::size_t length = response.head.find("Content-Length: ");
    if (length == std::string::npos)
      response.body = receive_all();
    else
      response.body = take(std::strtoull(response.head.c_str() + length + 16, nullptr, 10));
    return response;
  }

  /// Everything until the peer closes.
  std::string receive_all() {
    while (fill()) {
    }
    return std::exchange(bytes_, {});
  }

  /// Whether the peer has closed and sent nothing before that. Waits for one of the two.
  bool is_closed() { return bytes_.empty() && !fill(); }

  /// Whether something, or the end, can be read now.
  [[nodiscard]] bool is_readable() const {
    char byte = 0;
    return !bytes_.empty() || ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
  }

  std::string take(std::size_t size) {
    while (bytes_.size() < size)
      if (!fill()) throw std::runtime_error("the connection ended in: " + bytes_);
    std::string out = bytes_.substr(0, size);
    bytes_.erase(0, size);
    return out;
  }

  std::string take_until(std::string_view mark) {
    std::size_t from = 0;
    for (;;) {
      const std::size_t at = bytes_.find(mark, from);
      if (at != std::string::npos) return take(at + mark.size());
      from = bytes_.size() < mark.size() ? 0 : bytes_.size() - mark.size();
      if (!fill()) throw std::runtime_error("the connection ended in: " + bytes_);
    }
  }

 private:
  bool fill() {
    char buffer[65536];
    const ssize_t size = ::recv(socket_, buffer, sizeof buffer, 0);
    if (size < 0 && errno == EAGAIN) throw std::runtime_error("nothing came");
    if (size <= 0) return false;
    bytes_.append(buffer, static_cast<std::size_t>(size));
    return true;
  }

  int socket_ = -1;
  std::string bytes_;
};

}  // namespace slipway::testing
