// The backend that runs workers as processes of this machine.
//
// Each worker is a process in a session of its own: it outlives the server, inherits no lock and no
// listener, and is found again by pid and start time. Its token is in a file that only its user can
// read, never in arguments or environment.
//
// Some of them may be started ahead. They wait for a build with nothing secret, get its token by a
// socket of their own, and end with this process or when they have built once.
//
//   <folder>/idle-<random>/         one that waits; it becomes <worker>
//   <folder>/<worker>/worker.json   pid, start time in clock ticks since boot
//   <folder>/<worker>/token         the registration token, until it is used
//   <folder>/<worker>/output        what the worker program printed
//   <folder>/<worker>/place         which of the backend's users it has, when it has its own
//   <folder>/<worker>/work/         its working folder
#pragma once

#include <filesystem>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <slipway/build/backend.hpp>
#include <slipway/support/log.hpp>

namespace slipway {

struct LocalBackendOptions {
  std::string name = "local";
  unsigned slots = 1;
  unsigned warm = 0;  // workers that wait for a build, as far as there are slots free
  std::filesystem::path folder;   // made when missing
  std::filesystem::path program;  // the slipway program; empty: the running one
  std::vector<std::string> worker_arguments;  // more options for `slipway worker`
  /// What a Dockerfile says runs as root among 65,536 users of its own, worker by worker from here
  /// on, in namespaces of its own (support/isolation.hpp); nullopt: as this process' user.
  std::optional<std::uint32_t> first_user;
  std::filesystem::path hidden;  // then: a folder of which a build sees its own only
  unsigned processes = 4096;     // then: how many, of each user
  std::uint64_t memory = 0;  // then: bytes of all its processes where there are control groups, else
                             // of data of each; 0: no limit
  std::uint64_t disk = 0;    // bytes that a build may put on the disk; 0: no limit
};

/// Whether workers can be isolated so. Errors: denied, unsupported (why not), io.
Result<void> probe_local_isolation(const LocalBackendOptions& options);

/// No user of `slots` workers reaches the services that clouds offer on 169.254.0.0/16 by TCP.
/// It is a routing rule of the machine's, one for each `folder`, and stays until it is ended; making
/// it again changes nothing. Errors: denied, unsupported, io.
Result<void> keep_from_link_local(const LocalBackendOptions& options);

/// Removes that rule: once none of these workers runs. That there is none is no error. Errors: denied,
/// unsupported, io.
Result<void> end_link_local_rule(const LocalBackendOptions& options);

/// Errors: io (folder), invalid_argument (slots, program).
Result<std::unique_ptr<BuildBackend>> make_local_backend(const LocalBackendOptions& options,
                                                         Log& log = Log::none());

}  // namespace slipway
