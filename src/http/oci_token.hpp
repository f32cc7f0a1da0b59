// GET and POST /v2/token: bearer tokens for Docker's clients.
//
// GET is the distribution project's token specification: Basic credentials or none, `scope`
// repeated or with spaces; `service`, `account` and `client_id` are the client's own business. POST
// is its OAuth 2.0 form (RFC 6749): grant_type=password, or refresh_token, for which a Slipway
// token itself serves. Whatever is asked for and not allowed is left out of what is granted.
//
// Thread safety: see oci_call.hpp.
#pragma once

#include <slipway/auth/token.hpp>

#include "http/oci_call.hpp"

namespace slipway {

/// REQUIRES: parts.options.bearer_tokens.
HttpAction answer_token(const OciParts& parts, const Authenticator& authenticator,
                        const HttpRequest& request, HttpResponse& response);

}  // namespace slipway
