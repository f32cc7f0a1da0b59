// slipway::format: fmt's, through one door.
//
// This is the only file that includes fmt, so that replacing it by <format> is a change of one line.
#pragma once

#include <fmt/core.h>

namespace slipway {

using fmt::format;

}  // namespace slipway
