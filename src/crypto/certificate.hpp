// Certificates that Slipway makes for itself.
//
// Thread safety: functions of their arguments.
#pragma once

#include <string>
#include <string_view>

#include <slipway/core/result.hpp>
#include <slipway/core/timestamp.hpp>

namespace slipway::crypto {

/// A new P-256 key and a certificate that it signed itself, without an end (RFC 5280 section
/// 4.1.2.5): PEM, one after the other. It is good for a TLS client, and for signing the
/// certificates of others. Errors: internal.
Result<std::string> make_client_authority(std::string_view common_name);

/// A new P-256 key and a certificate of a TLS client, good until then, that the authority signed:
/// PEM, one after the other. `authority` is PEM of its certificate and key.
/// Errors: unsupported (that is no authority, or without its key), internal.
Result<std::string> issue_client_identity(std::string_view authority, std::string_view common_name,
                                          Timestamp until);

}  // namespace slipway::crypto
