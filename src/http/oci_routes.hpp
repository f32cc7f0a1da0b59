// The routes of /v2/: what a path means, and which methods it takes.
//
// The table is the OCI distribution specification 1.1.1, "Endpoints" (end-1 to end-13), and
// Docker's catalog and token endpoint; the methods of each route are those that the access table has a row for.
// Repository names contain slashes, so a path is matched from its right end.
//
// Thread safety: pure functions; matching allocates nothing.
#pragma once

#include <string>
#include <string_view>

#include <slipway/auth/access_policy.hpp>
#include <slipway/http/message.hpp>

namespace slipway {

enum class OciRoute { none, ping, token, catalog, blob, uploads, upload, manifest, tags, referrers };

/// Views into the path.
struct OciTarget {
  OciRoute route = OciRoute::none;
  std::string_view repository;  // as it stands there: it may not be a valid name
  std::string_view reference;   // a digest, a tag or an upload's id
};

/// `path` is decoded and begins with "/v2".
OciTarget match_oci_route(std::string_view path) noexcept;

/// A short, fixed name for metrics and logs: "blob", "tags".
std::string_view oci_route_name(OciRoute route) noexcept;

/// What a method needs on a route; nullptr when the route does not take it.
const AccessNeed* oci_need(OciRoute route, HttpMethod method) noexcept;

/// The Allow field of a 405: "GET, HEAD, DELETE".
std::string oci_allowed_methods(OciRoute route);

}  // namespace slipway
