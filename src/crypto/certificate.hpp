// Certificates that Slipway makes for itself.
//
// Thread safety: a function of its argument.
#pragma once

#include <string>
#include <string_view>

#include <slipway/core/result.hpp>

namespace slipway::crypto {

/// A new P-256 key and a certificate for a TLS client that it signed itself, without an end
/// (RFC 5280 section 4.1.2.5): PEM, one after the other. Errors: internal.
Result<std::string> make_client_identity(std::string_view common_name);

}  // namespace slipway::crypto
