// The API's description (OpenAPI 3.1), made from the access table and what is said of each route
// here: a route of either that the other lacks is a compiler's error.
//
// Thread safety: pure functions.
#pragma once

#include <string>

namespace slipway {

/// The whole of /openapi.json.
std::string openapi_json();

}  // namespace slipway
