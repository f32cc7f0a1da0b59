// What workers of this machine are kept from: see <slipway/build/local_backend.hpp>.

#include <slipway/build/local_backend.hpp>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>

#include "local/link_local.hpp"
#include "support/isolation.hpp"

namespace slipway {
namespace {

namespace fs = std::filesystem;

/// More than there are slots: a worker may still be ending while the next one has begun.
constexpr uid_t local_places = 1024;

struct Spawned {
  int status = 0;
  std::string output;
};

/// Runs a program of ours and keeps what it printed. No fork: other threads run in this process.
Result<Spawned> run_program(const fs::path& program, std::vector<std::string> words) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) < 0)
    return Error(ErrorCode::io, "pipe: " + std::generic_category().message(errno));
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, pipe[1], 1);
  ::posix_spawn_file_actions_adddup2(&actions, pipe[1], 2);
  std::string name = program.string();
  std::vector<char*> arguments{name.data()};
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  std::array<char*, 2> environment{path.data(), nullptr};
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, name.c_str(), &actions, nullptr, arguments.data(),
                                   environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(pipe[1]);
  Spawned spawned;
  if (failed == 0) {
    std::array<char, 512> buffer{};
    for (ssize_t got = 0; (got = ::read(pipe[0], buffer.data(), buffer.size())) > 0;)
      spawned.output.append(buffer.data(), static_cast<std::size_t>(got));
    while (::waitpid(child, &spawned.status, 0) < 0 && errno == EINTR) {
    }
  }
  ::close(pipe[0]);
  if (failed != 0)
    return Error(ErrorCode::io, name + ": " + std::generic_category().message(failed));
  while (spawned.output.ends_with('\n')) spawned.output.pop_back();
  return spawned;
}

LinkLocalRule rule_of(const LocalBackendOptions& options, std::string_view owner) {
  const std::uint32_t first = options.first_user.value_or(0);
  return {first, first + local_places * isolated_users - 1, owner};
}

}  // namespace

Result<void> probe_local_isolation(const LocalBackendOptions& options) {
  if (::geteuid() != 0)
    return Error(ErrorCode::denied, "the server does not run as root, so builds run as its user");
  std::error_code error;
  const fs::path program =
      options.program.empty() ? fs::read_symlink("/proc/self/exe", error) : options.program;
  // Another program that embeds a server would take the words below for its own.
  if (program.filename() != "slipway")
    return Error(ErrorCode::unsupported,
                 "the worker program is " + program.string() + ", not slipway");
  SLIPWAY_TRY(const Spawned spawned,
              run_program(program, {"isolate", "--users",
                                    std::to_string(options.first_user.value_or(0)), "true"}));
  if (WIFEXITED(spawned.status) && WEXITSTATUS(spawned.status) == 0) return {};
  return Error(ErrorCode::unsupported, spawned.output);
}

Result<void> keep_from_link_local(const LocalBackendOptions& options) {
  const std::string owner = options.folder.string();
  return prohibit_link_local(rule_of(options, owner));
}

Result<void> end_link_local_rule(const LocalBackendOptions& options) {
  const std::string owner = options.folder.string();
  return permit_link_local(rule_of(options, owner));
}

}  // namespace slipway
