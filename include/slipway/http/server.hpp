// HttpServer: serves a handler over HTTP/1.1, with or without TLS.
//
// I/O threads each run their own event loop and never block; blocking parts of handlers run on a
// bounded pool of threads. Memory for each connection is bounded whatever the size of a body.
// HTTP/1.1 as in RFC 9112: a request with both Content-Length and Transfer-Encoding is refused and
// its connection closed (section 6.1).
//
// Implementation: Asio and Beast's basic_parser (src/beast).
//
// Thread safety: every member from any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <slipway/core/result.hpp>
#include <slipway/http/handler.hpp>
#include <slipway/support/log.hpp>
#include <slipway/support/metrics.hpp>

namespace slipway {

struct TlsServerOptions {
  std::filesystem::path certificate;  // PEM, the chain
  std::filesystem::path key;          // PEM
  std::filesystem::path client_ca;    // PEM; clients must then present a certificate; empty: none
  std::filesystem::path own_client;   // PEM; a certificate that is taken beside theirs; may be empty
};

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  // 0: the system picks one
  std::optional<TlsServerOptions> tls;
  unsigned io_threads = 0;        // 0: one for each two cores, at least one
  unsigned blocking_threads = 0;  // 0: enough that concurrent commits share flushes (32)

  /// At the limit a newcomer takes the place of whoever has waited longest without having sent a
  /// whole request; when there is none, it waits. Half of the descriptors that the process may have
  /// open are the limit where that is less: what is served needs the others.
  std::size_t max_connections = 0;  // 0: 16384, or as many as there may be
  /// From one address, or from one /64 of IPv6; more are answered 503. 0: no limit, since all
  /// clients behind a proxy have one address.
  std::size_t max_connections_per_client = 0;
  std::size_t max_head_bytes = std::size_t{16} * 1024;
  /// What bodies above 64 KiB that are kept whole (manifests, webhooks) may take, all together;
  /// more are answered 503.
  std::size_t max_body_memory = std::size_t{256} * 1024 * 1024;
  std::chrono::milliseconds head_timeout{10'000};   // from the first byte to the whole head; TLS too
  std::chrono::milliseconds idle_timeout{75'000};   // between requests
  std::chrono::milliseconds stall_timeout{30'000};  // a body or an answer that does not move
  /// One that moves slower than this for longer than stall_timeout is given up too: pauses count,
  /// and whoever was faster before may pause as long as stall_timeout. 0: every byte counts.
  std::uint64_t min_bytes_per_second = 512;
  /// A stream that has said nothing for so long sends its BodyStream::keep_alive, if it has one.
  std::chrono::milliseconds stream_keep_alive{15'000};
};

class HttpServer {
 public:
  virtual ~HttpServer() = default;

  /// The port that is bound.
  [[nodiscard]] virtual std::uint16_t port() const noexcept = 0;

  /// Stops accepting, closes idle connections, lets running requests end for at most `grace`, then
  /// closes what is left; streams that only wait are closed at once. Returns when all is down.
  virtual void drain(std::chrono::milliseconds grace) = 0;
};

/// Binds, and serves from the moment it returns until it is drained or destroyed. The handler, log
/// and metrics must outlive it. Errors: conflict (the port is in use), denied, invalid_argument
/// (host), io, corrupt (certificate or key; the message names the file).
Result<std::unique_ptr<HttpServer>> start_http_server(HttpHandler& handler,
                                                      const HttpServerOptions& options,
                                                      Log& log = Log::none(),
                                                      Metrics& metrics = Metrics::none());

}  // namespace slipway
