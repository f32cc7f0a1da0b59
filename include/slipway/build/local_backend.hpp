// The backend that runs workers as processes of this machine.
//
// Each worker is a process in a session of its own: it outlives the server, inherits no lock and no
// listener, and is found again by pid and start time. Its token is in a file that only its user can
// read, never in arguments or environment.
//
//   <folder>/<worker>/worker.json   pid, start time in clock ticks since boot
//   <folder>/<worker>/token         the registration token, until it is used
//   <folder>/<worker>/output        what the worker program printed
//   <folder>/<worker>/work/         its working folder
#pragma once

#include <filesystem>
#include <memory>
#include <vector>
#include <string>

#include <slipway/build/backend.hpp>
#include <slipway/support/log.hpp>

namespace slipway {

struct LocalBackendOptions {
  std::string name = "local";
  unsigned slots = 1;
  std::filesystem::path folder;   // made when missing
  std::filesystem::path program;  // the slipway program; empty: the running one
  std::vector<std::string> worker_arguments;  // more options for `slipway worker`
};

/// Errors: io (folder), invalid_argument (slots, program).
Result<std::unique_ptr<BuildBackend>> make_local_backend(const LocalBackendOptions& options,
                                                         Log& log = Log::none());

}  // namespace slipway
