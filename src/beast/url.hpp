// The URLs that a client asks for, taken apart (RFC 3986, RFC 9110 section 4.2).
#pragma once

#include <string>
#include <string_view>

#include <slipway/core/result.hpp>

#include "beast/wire.hpp"

namespace slipway::beast {

struct Url {
  Origin origin;
  std::string authority;  // as the Host field says it: without the scheme's own port
  std::string target;     // path and query, at least "/"
};

/// http:// and https:// without user information. Errors: invalid_argument.
Result<Url> parse_url(std::string_view text);

}  // namespace slipway::beast
