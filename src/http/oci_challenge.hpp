// The challenge of a 401 under /v2/: how a client gets in.
//
//   WWW-Authenticate: Bearer realm="https://registry.example.com/v2/token",service="slipway",
//                     scope="repository:app/web:pull,push",error="insufficient_scope"
//
// The distribution project's token specification and RFC 6750 section 3. There is one challenge
// and no second one for Basic, although Basic is accepted: Docker's client answers every challenge
// it is given, and fails without a password where one of them is Basic; others take the first.
//
// Thread safety: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <slipway/auth/bearer_tokens.hpp>
#include <slipway/http/message.hpp>
#include <slipway/http/oci_handler.hpp>

#include "http/oci_routes.hpp"

namespace slipway {

/// Tells how to send a token as password: RFC 7617 section 2.
inline constexpr std::string_view basic_challenge = "Basic realm=\"slipway\"";

/// "scheme://host" of this server as this client reaches it; nullopt when neither the options nor a
/// well-formed Host field say.
std::optional<std::string> reachable_url(const OciHandlerOptions& options,
                                         const HttpRequest& request);

/// What the request would have to be granted; empty for those that need no more than a token.
TokenScopes needed_scopes(const OciTarget& target, const AccessNeed& need);

/// The field's value. `error` is RFC 6750's; empty for a request without credentials.
std::string make_challenge(const OciHandlerOptions& options, const HttpRequest& request,
                           const TokenScopes& scopes, std::string_view error);

}  // namespace slipway
