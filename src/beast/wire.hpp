// Wire: a client's connection, plain or through TLS, with calls that block until a deadline or a
// stop.
//
// Each wire has an event loop of its own that runs within the calls. After a call failed, the wire
// is only good for destruction.
//
// Thread safety: one thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/ssl/context.hpp>

#include <slipway/core/result.hpp>
#include <slipway/http/destination_rules.hpp>

#include "beast/asio.hpp"

namespace slipway::beast {

/// How long a call may take.
struct Patience {
  std::chrono::steady_clock::time_point deadline;
  std::stop_token stop;
  /// No deadline is moved beyond this.
  std::chrono::steady_clock::time_point latest = std::chrono::steady_clock::time_point::max();
};

struct Origin {
  bool secure = false;
  std::string host;  // an IPv6 address without brackets
  std::uint16_t port = 0;

  friend auto operator<=>(const Origin&, const Origin&) = default;
  [[nodiscard]] std::string text() const;
};

class Wire {
 public:
  virtual ~Wire() = default;

  /// Something of it, at least one byte; 0 is the end. Errors: unavailable (reset), timed_out,
  /// cancelled, io.
  virtual Result<std::size_t> read_some(std::span<char> into, const Patience& patience) = 0;
  /// All of it. Errors: as read_some.
  virtual Result<void> write(std::string_view bytes, const Patience& patience) = 0;

  /// Something has come, or the peer has closed: of an idle wire, that it cannot be used again.
  [[nodiscard]] virtual bool has_news() noexcept = 0;
};

/// `rules`: of the host's addresses only those that they allow are connected to; null: any.
/// Errors: unavailable (no such host, refused), denied (certificate, no address is allowed),
/// timed_out, cancelled, io.
Result<std::unique_ptr<Wire>> connect_wire(const Origin& origin, asio::ssl::context& tls,
                                           const Patience& patience,
                                           const DestinationRules* rules = nullptr);

/// The addresses of a host. Errors: unavailable, timed_out, cancelled, io.
Result<std::vector<asio::ip::tcp::endpoint>> resolve_host(const Origin& origin,
                                                          const Patience& patience);

}  // namespace slipway::beast
