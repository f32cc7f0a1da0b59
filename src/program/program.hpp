// The `slipway` command: reads the command line and runs one subcommand.
//
// Exit status: 0 done; 1 it failed; 2 wrong usage or configuration, told in one line on standard
// error.
//
// Thread safety: once, on the main thread.
#pragma once

namespace slipway {

/// Answers the exit status; throws nothing.
int run_program(int argc, char** argv) noexcept;

}  // namespace slipway
