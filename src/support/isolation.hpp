// Running a part of a program where it can harm nobody: as users of its own, in namespaces of its
// own (user_namespaces(7), pid, mount, IPC, UTS), with limits.
//
// Whoever runs in there is root among 65,536 users that are nobody outside: no file of any other
// user's can be read that not everyone can read, no process outside can be seen, signalled or
// traced, and nothing that it starts outlives it, wherever that went, because the end of a pid
// namespace's first process ends them all. The network is the machine's.
//
// Needs root (CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID) outside.
//
// Thread safety: run_isolated and probe_isolation from a process with one thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

#include <slipway/core/result.hpp>

namespace slipway {

/// How many users each has.
inline constexpr uid_t isolated_users = 65'536;

struct IsolationSpec {
  uid_t first_user = 0;  // it and the 65,535 behind it, and groups of the same numbers
  std::filesystem::path hidden;  // a folder of which only `folder` is seen inside; may be empty
  std::filesystem::path folder;  // below `hidden`; must belong to first_user
  std::optional<std::uint64_t> processes;  // of each user
  std::optional<std::uint64_t> memory;     // bytes of data of each process (RLIMIT_DATA)
};

/// Gives a folder and all in it to the user; links are not followed. Errors: io.
Result<void> give_tree(const std::filesystem::path& folder, uid_t user);

/// Runs `inside` and answers what it answered, or 128 and the signal that ended it. SIGTERM and
/// SIGINT are passed on; when this process dies, so does everything inside.
/// Errors: denied or unsupported (this machine does not let us; nothing has run), io.
Result<int> run_isolated(const IsolationSpec& spec, const std::function<int()>& inside);

}  // namespace slipway
