// The configuration's section `builds`.
//
// Thread safety: pure functions.
#pragma once

#include "config/configuration.hpp"
#include "config/section.hpp"

namespace slipway {

/// Errors: invalid_argument.
Result<void> read_builds(const yaml::Node& node, const ConfigPlace& place,
                         BuildsConfiguration& out);

}  // namespace slipway
