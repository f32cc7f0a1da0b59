// Starting a program that outlives its starter and inherits nothing from it.
//
// The child shares memory until exec (as with vfork): starting costs the same from a server of many
// gigabytes. Between both it leaves the session, closes every descriptor but 0 to 2, and writes its
// own record under a name that only one process can take. So however often and from wherever a
// worker of one name is started, and wherever a crash falls, at most one program runs, and its
// record is there before it does.
//
// Thread safety: any thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <slipway/core/result.hpp>

#include "support/process_tree.hpp"

namespace slipway {

struct LaunchSpec {
  std::filesystem::path program;
  std::vector<std::string> arguments;    // with the program's name in front
  std::vector<std::string> environment;  // NAME=value, all of it
  std::filesystem::path folder;          // where it runs
  int input = -1;                        // becomes standard input; -1: /dev/null
  std::filesystem::path output;          // standard output and error are added to this file
  std::filesystem::path record;          // process_record.hpp; must not be there
  std::string boot_id;
};

/// nullopt: a process of this record was started before, by whomever.
/// Errors: invalid_argument (the program is not there or may not be run), io.
Result<std::optional<ProcessId>> launch_detached(const LaunchSpec& spec);

}  // namespace slipway
