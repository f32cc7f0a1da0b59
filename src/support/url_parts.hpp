// Where a URL leads, before anything is asked of it.
//
// Thread safety: pure functions.
#pragma once

#include <string_view>

#include <slipway/core/result.hpp>

namespace slipway {

/// Views into the URL.
struct UrlParts {
  bool secure = false;
  std::string_view authority;  // host and port, as they stand there
  std::string_view host;       // of IPv6 without its brackets
};

/// http:// or https:// with a host and perhaps a port, without user information, of visible ASCII
/// characters. Errors: invalid_argument.
Result<UrlParts> split_url(std::string_view url);

}  // namespace slipway
