// OciHandler: the OCI distribution API 1.1 under /v2/, over a Registry.
//
// Routes match from the right, since repository names contain slashes, and %2F is the same as `/`.
// Errors are the specification's JSON with its codes. Point reads are answered at once on the
// caller's thread; what may block is handed back as HttpBlocking or HttpReceive.
//
// Thread safety: any thread.
#pragma once

#include <memory>
#include <string>

#include <slipway/auth/access_policy.hpp>
#include <slipway/auth/bearer_tokens.hpp>
#include <slipway/auth/token.hpp>
#include <slipway/http/handler.hpp>
#include <slipway/registry/registry.hpp>
#include <slipway/support/log.hpp>
#include <slipway/support/metrics.hpp>

namespace slipway {

struct OciHandlerOptions {
  /// Gives bearer tokens at /v2/token, and makes challenges name it. Null: there are none, and
  /// challenges are for Basic. It must be one of the authenticator's verifiers.
  const BearerTokens* bearer_tokens = nullptr;
  /// How clients reach this server, for challenges: "https://registry.example.com". Empty: as the
  /// request's Host field says, over TLS where the request came so.
  std::string url;
  bool reads_may_block = false;        // MetadataStore::reads_may_block()
  std::size_t page_size = 1000;        // entries of a list without `n`, and at most with it
  std::uint64_t max_manifest_bytes = max_value_size;
};

/// All parts must outlive the handler.
std::unique_ptr<HttpHandler> make_oci_handler(Registry& registry,
                                              const Authenticator& authenticator,
                                              const AccessPolicy& policy,
                                              const OciHandlerOptions& options = {},
                                              Log& log = Log::none(),
                                              Metrics& metrics = Metrics::none());

}  // namespace slipway
