// HttpTransport: the port for requests that Slipway itself makes: the worker and the commands to a
// server, later backends to their clouds.
//
// Blocking. Connections to an origin are kept and reused. https verifies the server's certificate
// against the system's authorities and those of TransportOptions.
//
// Thread safety: a transport may be used from any thread; each send uses a connection of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <slipway/core/result.hpp>
#include <slipway/http/destination_rules.hpp>
#include <slipway/http/message.hpp>

namespace slipway {

struct OutgoingRequest {
  HttpMethod method = HttpMethod::get;
  std::string url;  // http:// or https://, with path and query
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  /// Instead of `body`: fills the span and answers how many bytes; 0 ends. Sent chunked, or with
  /// Content-Length when body_size is known.
  std::function<Result<std::size_t>(std::span<std::byte>)> body_source;
  std::optional<std::uint64_t> body_size;
  /// From the start to the whole head of the answer, counted anew whenever a piece of the request's
  /// body has gone out; a body that stalls for as long fails too.
  std::chrono::milliseconds timeout{30'000};
  /// From the start to the end of the answer, however steadily something moves; nullopt: no limit.
  std::optional<std::chrono::milliseconds> whole_timeout = {};
  /// Only so many bytes of the answer's body are read and kept; the connection ends then. Without a
  /// sink only. nullopt: all of it.
  std::optional<std::size_t> body_prefix = {};
};

struct IncomingResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;  // empty when a sink took it

  /// The first field of that name without regard to case; empty when there is none.
  [[nodiscard]] std::string_view field(std::string_view name) const noexcept;
};

/// Takes a body's pieces as they come; an error ends the exchange with it.
using BodySink = std::function<Result<void>(std::span<const std::byte>)>;

class HttpTransport {
 public:
  virtual ~HttpTransport() = default;

  /// Any status is a good result. Without a sink the body is kept, at most 16 MiB of it. A sink is
  /// given the body of a 2xx answer only. Redirects are not followed.
  /// Errors: invalid_argument (URL), unavailable (refused, reset before an answer: it may be tried
  /// again), timed_out, cancelled (the stop token), too_large, denied (certificate, destination),
  /// io, the sink's.
  virtual Result<IncomingResponse> send(const OutgoingRequest& request, const BodySink& sink = {},
                                        std::stop_token stop = {}) = 0;
};

struct TransportOptions {
  std::filesystem::path ca_file;      // PEM, in addition to the system's
  std::filesystem::path certificate;  // PEM; for servers that ask for one; empty: none
  std::filesystem::path key;          // PEM, of the certificate; empty: it is in the same file
  std::string user_agent = "slipway";
  /// Where connections may go; nullopt: anywhere. Checked against the very address that is connected
  /// to.
  std::optional<DestinationRules> destinations = {};
};

/// Errors: corrupt (a file that cannot be used).
Result<std::unique_ptr<HttpTransport>> make_http_transport(const TransportOptions& options = {});

}  // namespace slipway
