#include "beast/wire.hpp"

#include <sys/socket.h>

#include <cerrno>

#include <boost/asio/connect.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

namespace slipway::beast {
namespace {

Error error_of(const Failure& failure, const std::string& where) {
  namespace errors = asio::error;
  const bool lost = failure == errors::connection_refused || failure == errors::connection_reset ||
                    failure == errors::connection_aborted || failure == errors::broken_pipe ||
                    failure == errors::eof || failure == errors::host_unreachable ||
                    failure == errors::network_unreachable || failure == errors::network_down ||
                    failure == asio::ssl::error::stream_truncated;
  if (failure == errors::timed_out)
    return Error(ErrorCode::timed_out, where + ": " + failure.message());
  return Error(lost ? ErrorCode::unavailable : ErrorCode::io, where + ": " + failure.message());
}

/// What both kinds of wires have in common: a loop, a socket, and waiting for one operation.
class SocketLoop {
 public:
  explicit SocketLoop(std::string origin) : origin_(std::move(origin)), socket_(context_) {}

  [[nodiscard]] Socket& socket() noexcept { return socket_; }
  [[nodiscard]] const std::string& origin() const noexcept { return origin_; }

  /// Starts an operation with a handler for (Failure, size) and waits for it.
  template <class Start>
  Result<std::size_t> await(const Patience& patience, Start start) {
    Failure failure;
    std::size_t size = 0;
    SLIPWAY_CHECK(finish(patience, failure, size, start));
    if (failure == asio::error::eof) return std::size_t{0};
    if (failure) return error_of(failure, origin_);
    return size;
  }

  /// The same, with the failure for the caller to judge. Errors: timed_out, cancelled.
  template <class Start>
  Result<void> finish(const Patience& patience, Failure& failure, std::size_t& size, Start start) {
    bool done = false;
    start([&](const Failure& result, std::size_t transferred) {
      failure = result;
      size = transferred;
      done = true;
    });
    const std::stop_callback wake(patience.stop, [this] { asio::post(context_, [] {}); });
    while (!done && !patience.stop.stop_requested() &&
           std::chrono::steady_clock::now() < patience.deadline) {
      context_.restart();
      context_.run_one_until(patience.deadline);
    }
    if (done) return {};
    Failure ignored;
    socket_.close(ignored);
    while (!done) {
      context_.restart();
      context_.run_one();
    }
    if (patience.stop.stop_requested()) return Error(ErrorCode::cancelled, origin_ + ": cancelled");
    return Error(ErrorCode::timed_out, origin_ + ": timed out");
  }

  Result<void> connect(const std::vector<asio::ip::tcp::endpoint>& endpoints,
                       const Patience& patience) {
    Error last(ErrorCode::unavailable, origin_ + ": there is no address");
    for (const auto& endpoint : endpoints) {
      if (const auto connected = connect_one(endpoint, patience); connected) return {};
      else last = connected.error();
      if (last.code == ErrorCode::timed_out || last.code == ErrorCode::cancelled) break;
    }
    return last;
  }

  [[nodiscard]] bool has_news() noexcept {
    char byte = 0;
    const ssize_t size = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return size >= 0 || (errno != EAGAIN && errno != EINTR);
  }

 private:
  Result<void> connect_one(const asio::ip::tcp::endpoint& endpoint, const Patience& patience) {
    Failure failure;
    socket_.close(failure);
    const int descriptor =
        ::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0)
      return error_of(Failure(errno, boost::system::system_category()), origin_);
    socket_.assign(endpoint.protocol(), descriptor);
    std::size_t size = 0;
    SLIPWAY_CHECK(finish(patience, failure, size, [&](auto handler) {
      socket_.async_connect(endpoint, [handler](const Failure& result) { handler(result, 0); });
    }));
    if (failure) return error_of(failure, origin_);
    socket_.set_option(asio::ip::tcp::no_delay(true), failure);
    return {};
  }

  const std::string origin_;
  asio::io_context context_{1};
  Socket socket_;
};

class PlainWire final : public Wire {
 public:
  explicit PlainWire(std::unique_ptr<SocketLoop> loop) : loop_(std::move(loop)) {}

  Result<std::size_t> read_some(std::span<char> into, const Patience& patience) override {
    return loop_->await(patience, [&](auto handler) {
      loop_->socket().async_read_some(asio::buffer(into.data(), into.size()), handler);
    });
  }

  Result<void> write(std::string_view bytes, const Patience& patience) override {
    SLIPWAY_CHECK(loop_->await(patience, [&](auto handler) {
      asio::async_write(loop_->socket(), asio::buffer(bytes), handler);
    }));
    return {};
  }

  [[nodiscard]] bool has_news() noexcept override { return loop_->has_news(); }

 private:
  std::unique_ptr<SocketLoop> loop_;
};

class TlsWire final : public Wire {
 public:
  TlsWire(std::unique_ptr<SocketLoop> loop, asio::ssl::context& context)
      : loop_(std::move(loop)), stream_(loop_->socket(), context) {}

  Result<void> handshake(const std::string& host, const Patience& patience) {
    Failure failure;
    static_cast<void>(asio::ip::make_address(host, failure));
    const bool is_name = static_cast<bool>(failure);  // RFC 6066 section 3: addresses are not sent
    if (is_name) SSL_set_tlsext_host_name(stream_.native_handle(), host.c_str());
    stream_.set_verify_callback(asio::ssl::host_name_verification(host), failure);
    std::size_t size = 0;
    SLIPWAY_CHECK(loop_->finish(patience, failure, size, [&](auto handler) {
      stream_.async_handshake(asio::ssl::stream_base::client,
                              [handler](const Failure& result) { handler(result, 0); });
    }));
    if (!failure) return {};
    const long verdict = SSL_get_verify_result(stream_.native_handle());
    if (verdict != X509_V_OK)
      return Error(ErrorCode::denied, loop_->origin() + ": the certificate is not accepted: " +
                                          X509_verify_cert_error_string(verdict));
    return error_of(failure, loop_->origin() + ": TLS handshake");
  }

  Result<std::size_t> read_some(std::span<char> into, const Patience& patience) override {
    return loop_->await(patience, [&](auto handler) {
      stream_.async_read_some(asio::buffer(into.data(), into.size()), handler);
    });
  }

  Result<void> write(std::string_view bytes, const Patience& patience) override {
    SLIPWAY_CHECK(loop_->await(patience, [&](auto handler) {
      asio::async_write(stream_, asio::buffer(bytes), handler);
    }));
    return {};
  }

  /// Session tickets may lie there unread, after the handshake: TLS 1.3 sends them when it likes.
  /// They are no reason to give a connection up, but an end is.
  [[nodiscard]] bool has_news() noexcept override {
    char byte = 0;
    return ::recv(loop_->socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
  }

 private:
  std::unique_ptr<SocketLoop> loop_;
  asio::ssl::stream<Socket&> stream_;
};

IpAddress ip_address(const asio::ip::address& address) {
  if (address.is_v4()) return IpAddress::v4(address.to_v4().to_bytes());
  return IpAddress{address.to_v6().to_bytes()};
}

/// Those of the endpoints that may be connected to. Errors: denied.
Result<void> keep_allowed(const Origin& origin, const DestinationRules& rules,
                          std::vector<asio::ip::tcp::endpoint>& endpoints) {
  std::string refused;
  std::erase_if(endpoints, [&](const asio::ip::tcp::endpoint& endpoint) {
    const IpAddress address = ip_address(endpoint.address());
    if (rules.allows(origin.host, address)) return false;
    refused = address.to_string();
    return true;
  });
  if (!endpoints.empty() || refused.empty()) return {};
  return Error(ErrorCode::denied,
               origin.text() + ": " + refused +
                   " is an address of this machine or its network; the server's operator may allow "
                   "it (outgoing.allowed)");
}

}  // namespace

std::string Origin::text() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return (secure ? "https://" : "http://") + (is_v6 ? "[" + host + "]" : host) + ":" +
         std::to_string(port);
}

Result<std::unique_ptr<Wire>> connect_wire(const Origin& origin, asio::ssl::context& tls,
                                           const Patience& patience,
                                           const DestinationRules* rules) {
  SLIPWAY_TRY(auto endpoints, resolve_host(origin, patience));
  if (rules != nullptr) SLIPWAY_CHECK(keep_allowed(origin, *rules, endpoints));
  auto loop = std::make_unique<SocketLoop>(origin.text());
  SLIPWAY_CHECK(loop->connect(endpoints, patience));
  if (!origin.secure) return std::unique_ptr<Wire>(std::make_unique<PlainWire>(std::move(loop)));
  auto wire = std::make_unique<TlsWire>(std::move(loop), tls);
  SLIPWAY_CHECK(wire->handshake(origin.host, patience));
  return std::unique_ptr<Wire>(std::move(wire));
}

}  // namespace slipway::beast
