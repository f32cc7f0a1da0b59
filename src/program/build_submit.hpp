// `slipway build submit`.
//
// Thread safety: none; used before anything runs.
#pragma once

#include "program/command_line.hpp"

namespace slipway {

void add_build_submit_command(CLI::App& group, Command& command);

}  // namespace slipway
