// Processes as /proc shows them, and ending a whole family of them.
//
// A pid alone may be another process by the time it is used; a pid and its start time (proc(5),
// /proc/<pid>/stat field 22, clock ticks since boot) name one process of one boot.
//
// Thread safety: any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct ProcessId {
  pid_t pid = 0;
  std::uint64_t start_time = 0;  // clock ticks since boot

  friend bool operator==(const ProcessId&, const ProcessId&) = default;
};

struct ProcessInfo {
  ProcessId id;
  pid_t parent = 0;
  pid_t session = 0;
  char state = '?';  // 'Z': it ended and waits to be reaped
};

/// What /proc/<pid>/stat says; nullopt when there is no such process.
std::optional<ProcessInfo> process_info(pid_t pid);

/// The same from the file's text; nullopt when it is malformed.
std::optional<ProcessInfo> parse_process_stat(std::string_view text);

/// It runs: there, not a zombie, and of this start time.
bool is_running(const ProcessId& process);

std::vector<ProcessInfo> all_processes();

/// All below `root`, at any depth; not itself. Zombies included.
std::vector<ProcessInfo> descendants(pid_t root, const std::vector<ProcessInfo>& processes);

/// The value of a variable in the environment that the process was started with; nullopt when it
/// has none, or its environment cannot be read.
std::optional<std::string> process_variable(pid_t pid, std::string_view name);

/// The folder that the process has as its root, as seen from here; empty when it cannot be read.
std::string process_root(pid_t pid);

/// Sends the signal to exactly this process, by a pidfd whose start time was compared. False: it is
/// gone.
bool send_signal(const ProcessId& process, int signal);

/// Kills what `members` answers, again and again, until it answers no process that runs: a family
/// that forks while it is being killed ends too. False when something still ran after many rounds
/// (a process that the kernel cannot end).
bool kill_all(const std::function<std::vector<ProcessInfo>()>& members);

}  // namespace slipway
