#include "local/process_family.hpp"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <string>

namespace slipway {
namespace {

bool lives_in(pid_t pid, const std::string& folder) {
  return process_root(pid).starts_with(folder + "/");
}

}  // namespace

std::vector<ProcessInfo> worker_family(const std::filesystem::path& folder,
                                       const std::optional<ProcessId>& leader) {
  const std::vector<ProcessInfo> all = all_processes();
  std::vector<ProcessInfo> below;
  bool session_is_ours = false;
  if (leader) {
    const auto same_pid = std::find_if(all.begin(), all.end(), [&](const ProcessInfo& process) {
      return process.id.pid == leader->pid;
    });
    // A session's number stays taken while anyone is in it: another process of the leader's pid
    // means that the session has gone.
    session_is_ours = same_pid == all.end() || same_pid->id == *leader;
    if (same_pid != all.end() && same_pid->id == *leader) below = descendants(leader->pid, all);
  }
  std::vector<ProcessInfo> family;
  for (const ProcessInfo& process : all) {
    const bool by_session = session_is_ours && process.session == leader->pid;
    const bool by_parents = std::any_of(below.begin(), below.end(), [&](const ProcessInfo& member) {
      return member.id == process.id;
    });
    if (by_session || by_parents || lives_in(process.id.pid, folder.string()) ||
        process_variable(process.id.pid, worker_variable) == folder.string())
      family.push_back(process);
  }
  return family;
}

bool end_worker_family(const std::filesystem::path& folder,
                       const std::optional<ProcessId>& leader) {
  // While the leader stands still it starts nothing new, and still takes in the orphans: no member
  // can get out of sight.
  if (leader) send_signal(*leader, SIGSTOP);
  const bool others_ended = kill_all([&] {
    std::vector<ProcessInfo> family = worker_family(folder, leader);
    std::erase_if(family,
                  [&](const ProcessInfo& process) { return leader && process.id == *leader; });
    return family;
  });
  const auto everyone = [&] { return worker_family(folder, leader); };
  if (!kill_all(everyone)) return false;
  // A process shows no environment for a moment while it becomes another program: look twice.
  constexpr int pause_milliseconds = 5;
  ::poll(nullptr, 0, pause_milliseconds);
  return kill_all(everyone) && others_ended;
}

}  // namespace slipway
