// The configuration's section `registry`.
//
// Thread safety: pure functions.
#pragma once

#include "config/configuration.hpp"
#include "config/section.hpp"

namespace slipway {

/// Errors: invalid_argument.
Result<void> read_registry(const yaml::Node& node, const ConfigPlace& place,
                           RegistryConfiguration& out);

}  // namespace slipway
