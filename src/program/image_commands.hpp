// The subcommands of `slipway image`, one function a file.
//
// Thread safety: none; used before anything runs.
#pragma once

#include "program/command_line.hpp"

namespace slipway {

void add_image_import_command(CLI::App& group, Command& command);
void add_image_export_command(CLI::App& group, Command& command);
void add_image_list_command(CLI::App& group, Command& command);
void add_image_inspect_command(CLI::App& group, Command& command);
void add_image_delete_command(CLI::App& group, Command& command);

}  // namespace slipway
