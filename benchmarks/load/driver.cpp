#include "load/driver.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <slipway/http/message.hpp>

namespace slipway::load {
namespace {

std::string reason() { return std::strerror(errno); }

int connect_to(const Address& address) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(address.port);
  if (::inet_pton(AF_INET, address.host.c_str(), &to.sin_addr) != 1)
    fail(address.host + ": expected an IPv4 address");
  if (socket < 0 || ::connect(socket, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
    fail("connect: " + reason());
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::fcntl(socket, F_SETFL, O_NONBLOCK);
  return socket;
}

/// One connection's requests, as a state machine over calls that do not block.
class Connection {
 public:
  Connection(const Address& address, Client& client)
      : client_(client), socket_(connect_to(address)) {}
  ~Connection() { ::close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] int socket() const noexcept { return socket_; }

  /// False: there is nothing to do.
  bool begin() {
    sent_ = 0;
    request_.tail = {};
    request_.head_only = false;
    return client_.next(request_);
  }

  /// Goes on as far as the socket allows. False: all is done.
  bool advance() {
    while (write() && read())
      if (!begin()) return false;
    return true;
  }

 private:
  /// True when all of the request has been sent.
  bool write() {
    while (sent_ < request_.head.size() + request_.tail.size()) {
      std::array<iovec, 2> parts{};
      std::size_t count = 0;
      const std::size_t of_head = std::min(sent_, request_.head.size());
      const std::size_t of_tail = sent_ - of_head;
      if (of_head < request_.head.size())
        parts[count++] = {request_.head.data() + of_head, request_.head.size() - of_head};
      if (of_tail < request_.tail.size())
        parts[count++] = {const_cast<char*>(request_.tail.data()) + of_tail,
                          request_.tail.size() - of_tail};
      msghdr message{};
      message.msg_iov = parts.data();
      message.msg_iovlen = count;
      const ssize_t wrote = ::sendmsg(socket_, &message, MSG_NOSIGNAL);
      if (wrote < 0 && (errno == EAGAIN || errno == EINTR)) return false;
      if (wrote < 0) fail("send: " + reason());
      sent_ += static_cast<std::size_t>(wrote);
    }
    return true;
  }

  /// True when the answer is whole; it has been told then.
  bool read() {
    while (!take_answer()) {
      std::array<char, 16384> piece;
      const ssize_t got = ::recv(socket_, piece.data(), piece.size(), 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
      if (got <= 0) fail("the server closed the connection");
      in_.append(piece.data(), static_cast<std::size_t>(got));
    }
    return true;
  }

  bool take_answer() {
    const std::size_t end = in_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const std::string_view head = std::string_view(in_).substr(0, end + 2);
    std::size_t size = 0;
    if (!request_.head_only) {
      const std::string_view length = field(head, "content-length");
      std::from_chars(length.data(), length.data() + length.size(), size);
      if (!field(head, "transfer-encoding").empty()) fail("an answer came in chunks");
    }
    if (in_.size() < end + 4 + size) return false;
    client_.answered({head.substr(9, 3), field(head, "location")});
    in_.erase(0, end + 4 + size);
    return true;
  }

  static std::string_view field(std::string_view lines, std::string_view name) {
    while (!lines.empty()) {
      const std::string_view line = lines.substr(0, lines.find("\r\n"));
      lines.remove_prefix(line.size() + 2);
      const std::size_t colon = line.find(": ");
      if (colon != std::string_view::npos && equal_ignoring_case(line.substr(0, colon), name))
        return line.substr(colon + 2);
    }
    return {};
  }

  Client& client_;
  const int socket_;
  Request request_;
  std::size_t sent_ = 0;
  std::string in_;
};

}  // namespace

void fail(const std::string& what) {
  std::fprintf(stderr, "registry_load: %s\n", what.c_str());
  std::exit(1);
}

double drive(const Address& address, const std::vector<std::unique_ptr<Client>>& clients) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Connection>> connections;
  for (const auto& client : clients) {
    connections.push_back(std::make_unique<Connection>(address, *client));
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.ptr = connections.back().get();
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, connections.back()->socket(), &event) != 0)
      fail("epoll_ctl: " + reason());
  }

  const auto started = std::chrono::steady_clock::now();
  std::size_t busy = 0;
  for (const auto& connection : connections)
    if (connection->begin() && connection->advance()) ++busy;
  while (busy > 0) {
    std::array<epoll_event, 64> events;
    const int ready = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i)
      if (!static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr)->advance()) --busy;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  ::close(epoll);
  return took.count();
}

}  // namespace slipway::load
