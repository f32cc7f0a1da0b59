#include "support/process_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <unordered_map>

namespace slipway {
namespace {

/// A whole file of /proc; empty when it cannot be read.
std::string read_proc(const std::string& path) {
  std::string text;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return text;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(file, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  ::close(file);
  return text;
}

template <class Number>
bool parse_number(std::string_view text, Number& out) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && stop == text.data() + text.size();
}

}  // namespace

std::optional<ProcessInfo> parse_process_stat(std::string_view text) {
  // pid (comm) state ppid pgrp session ... starttime; comm may hold anything, parentheses too.
  const std::size_t open = text.find(" (");
  const std::size_t close = text.rfind(") ");
  if (open == std::string_view::npos || close == std::string_view::npos || close < open)
    return std::nullopt;
  ProcessInfo info;
  if (!parse_number(text.substr(0, open), info.id.pid)) return std::nullopt;

  constexpr int state_field = 3, parent_field = 4, session_field = 6, start_field = 22;
  std::string_view rest = text.substr(close + 2);
  for (int field = state_field; field <= start_field; ++field) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    bool good = !word.empty();
    if (field == state_field && good) info.state = word.front();
    if (field == parent_field) good = parse_number(word, info.parent);
    if (field == session_field) good = parse_number(word, info.session);
    if (field == start_field) good = parse_number(word, info.id.start_time);
    if (!good) return std::nullopt;
  }
  return info;
}

std::optional<ProcessInfo> process_info(pid_t pid) {
  return parse_process_stat(read_proc("/proc/" + std::to_string(pid) + "/stat"));
}

bool is_running(const ProcessId& process) {
  const auto info = process_info(process.pid);
  return info && info->id == process && info->state != 'Z' && info->state != 'X';
}

std::vector<ProcessInfo> all_processes() {
  std::vector<ProcessInfo> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), ::closedir);
  if (!folder) return found;
  while (const dirent* entry = ::readdir(folder.get())) {
    pid_t pid = 0;
    if (!parse_number(std::string_view(entry->d_name), pid)) continue;
    if (const auto info = process_info(pid)) found.push_back(*info);
  }
  return found;
}

std::vector<ProcessInfo> descendants(pid_t root, const std::vector<ProcessInfo>& processes) {
  std::unordered_multimap<pid_t, const ProcessInfo*> children;
  for (const ProcessInfo& process : processes) children.emplace(process.parent, &process);
  std::vector<ProcessInfo> found;
  std::vector<pid_t> parents{root};
  while (!parents.empty()) {
    const auto [first, last] = children.equal_range(parents.back());
    parents.pop_back();
    for (auto child = first; child != last; ++child) {
      found.push_back(*child->second);
      parents.push_back(child->second->id.pid);
    }
  }
  return found;
}

std::optional<std::string> process_variable(pid_t pid, std::string_view name) {
  const std::string block = read_proc("/proc/" + std::to_string(pid) + "/environ");
  std::string_view rest = block;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    const std::string_view variable = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (variable.starts_with(name) && variable.substr(name.size()).starts_with('='))
      return std::string(variable.substr(name.size() + 1));
  }
  return std::nullopt;
}

std::string process_root(pid_t pid) {
  std::string target(4096, '\0');
  const std::string link = "/proc/" + std::to_string(pid) + "/root";
  const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
  target.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return target;
}

bool send_signal(const ProcessId& process, int signal) {
  const int handle = static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0));
  if (handle < 0) return false;
  // Compared after it was opened: from here on the handle cannot come to mean another process.
  const auto info = process_info(process.pid);
  const bool sent = info && info->id == process &&
                    ::syscall(SYS_pidfd_send_signal, handle, signal, nullptr, 0) == 0;
  ::close(handle);
  return sent;
}

bool kill_all(const std::function<std::vector<ProcessInfo>()>& members) {
  constexpr int most_rounds = 1000;
  constexpr int pause_milliseconds = 5;
  // One look is not a moment: whose parent ended while /proc was read seems to belong to nobody.
  // The next look finds it where it was handed to, so only two empty ones mean that none is left.
  constexpr int empty_looks_needed = 2;
  int empty_looks = 0;
  for (int round = 0; round < most_rounds; ++round) {
    bool alive = false;
    for (const ProcessInfo& process : members()) {
      if (process.state == 'Z' || process.state == 'X') continue;
      alive = true;
      send_signal(process.id, SIGKILL);
    }
    empty_looks = alive ? 0 : empty_looks + 1;
    if (empty_looks == empty_looks_needed) return true;
    if (alive) ::poll(nullptr, 0, round == 0 ? 1 : pause_milliseconds);
  }
  return false;
}

}  // namespace slipway
