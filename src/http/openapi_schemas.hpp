// The schemas of /openapi.json: what goes in and out as JSON. Said once more here than in the readers
// and writers, and compared with them by tests/ci/openapi.sh.
#pragma once

#include <string_view>

namespace slipway {

/// The object `components.schemas`.
extern const std::string_view openapi_schemas;

}  // namespace slipway
