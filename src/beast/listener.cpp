#include "beast/listener.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <boost/asio/ip/address.hpp>

namespace slipway::beast {
namespace {

/// Those that are open but not accepted yet; the kernel's own limit may be lower.
constexpr int backlog = 4096;

void set_option(int socket, int level, int option, int value) noexcept {
  ::setsockopt(socket, level, option, &value, sizeof value);
}

Error error_of(int code, const std::string& where) {
  const std::string text = where + ": " + std::strerror(code);
  switch (code) {
    case EADDRINUSE: return Error(ErrorCode::conflict, text);
    case EACCES:
    case EPERM: return Error(ErrorCode::denied, text);
    case EADDRNOTAVAIL: return Error(ErrorCode::invalid_argument, text);
    default: return Error(ErrorCode::io, text);
  }
}

Result<asio::ip::tcp::endpoint> resolve(asio::io_context& context, const std::string& host,
                                        std::uint16_t port) {
  Failure failure;
  const auto address = asio::ip::make_address(host, failure);
  if (!failure) return asio::ip::tcp::endpoint(address, port);
  asio::ip::tcp::resolver resolver(context);
  const auto found = resolver.resolve(host, std::to_string(port), failure);
  if (failure || found.empty())
    return Error(ErrorCode::invalid_argument,
                 "cannot listen on host \"" + host + "\": " + failure.message());
  return found.begin()->endpoint();
}

std::string peer_text(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    asio::ip::address_v6::bytes_type bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return "[" + asio::ip::address_v6(bytes).to_string() + "]:" + std::to_string(ntohs(v6.sin6_port));
  }
  sockaddr_in v4{};
  std::memcpy(&v4, &address, sizeof v4);
  return asio::ip::address_v4(ntohl(v4.sin_addr.s_addr)).to_string() + ":" +
         std::to_string(ntohs(v4.sin_port));
}

/// Whose connections count together: an address of IPv4; of IPv6 its network, since a client has all
/// of one (RFC 6177).
std::string client_text(const sockaddr_storage& address) {
  if (address.ss_family != AF_INET6) {
    const std::string peer = peer_text(address);
    return peer.substr(0, peer.rfind(':'));
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof v6);
  asio::ip::address_v6::bytes_type bytes{};
  const bool mapped = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
  std::memcpy(bytes.data(), &v6.sin6_addr, mapped ? bytes.size() : bytes.size() / 2);
  return asio::ip::address_v6(bytes).to_string() + (mapped ? "" : "/64");
}

}  // namespace

Listener::Listener(asio::io_context& context, Log& log, MayTake may_take, Take take,
                   Crowded crowded)
    : log_(log),
      may_take_(std::move(may_take)),
      take_(std::move(take)),
      crowded_(std::move(crowded)),
      descriptor_(context) {}

Result<void> Listener::open(const std::string& host, std::uint16_t port) {
  auto& context = static_cast<asio::io_context&>(descriptor_.get_executor().context());
  SLIPWAY_TRY(const asio::ip::tcp::endpoint endpoint, resolve(context, host, port));
  const std::string where = "listening on " + host + ":" + std::to_string(port);
  ip_v6_ = endpoint.address().is_v6();

  const int socket = ::socket(ip_v6_ ? AF_INET6 : AF_INET,
                              SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
  if (socket < 0) return error_of(errno, where);
  descriptor_.assign(socket);
  set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  if (ip_v6_) set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  // What is accepted inherits these.
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, 15);
  if (::bind(socket, endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 ||
      ::listen(socket, backlog) != 0)
    return error_of(errno, where);

  asio::ip::tcp::endpoint bound;
  auto size = static_cast<socklen_t>(bound.capacity());
  if (::getsockname(socket, bound.data(), &size) != 0) return error_of(errno, where);
  port_ = bound.port();
  return {};
}

void Listener::start() { wait(); }

void Listener::resume() {
  if (!waiting_ && descriptor_.is_open()) accept_all();
}

void Listener::close() noexcept {
  Failure ignored;
  descriptor_.close(ignored);
}

void Listener::wait() {
  waiting_ = true;
  descriptor_.async_wait(decltype(descriptor_)::wait_read, [this](const Failure& failure) {
    waiting_ = false;
    if (!failure) accept_all();
  });
}

void Listener::accept_all() {
  constexpr int most_at_once = 4;  // then those who are served have their turn
  for (int i = 0; i < most_at_once; ++i) {
    if (!may_take_()) {
      if (somebody_waits())
        crowded_();  // resume() goes on
      else
        wait();
      return;
    }
    if (!accept_one()) return;
  }
  wait();
}

bool Listener::somebody_waits() noexcept {
  pollfd descriptor{descriptor_.native_handle(), POLLIN, 0};
  return ::poll(&descriptor, 1, 0) > 0;
}

bool Listener::accept_one() {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const int accepted = ::accept4(descriptor_.native_handle(), reinterpret_cast<sockaddr*>(&address),
                                 &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (accepted >= 0) {
    exhausted_ = false;
    take_({accepted, ip_v6_, peer_text(address), client_text(address)});
    return true;
  }
  const int code = errno;
  if (code == EAGAIN) return wait(), false;
  const bool out_of_something =
      code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
  if (!out_of_something) return true;  // that connection is gone already (accept(2)); the next one
  if (!std::exchange(exhausted_, true))
    log_.warning("connections are not accepted for now", {{"error", std::strerror(code)}});
  crowded_();
  return false;
}

}  // namespace slipway::beast
