// The names of HTTP's status codes: RFC 9110 section 15, and RFC 6585.
//
// Thread safety: pure functions.
#pragma once

#include <string_view>

namespace slipway {

/// "Not Found" for 404; "Unknown" for a code that neither document names.
std::string_view reason_phrase(int status) noexcept;

/// Whether an answer of this status ends with its head: 1xx, 204 and 304 (RFC 9110 section 6.4.1).
constexpr bool status_forbids_body(int status) noexcept {
  return status < 200 || status == 204 || status == 304;
}

}  // namespace slipway
