#include "support/isolation.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

Error refused(std::string_view what, int code = errno) {
  const ErrorCode kind = code == EPERM || code == EACCES ? ErrorCode::denied
                         : code == EINVAL || code == ENOSPC || code == ENOSYS
                             ? ErrorCode::unsupported
                             : ErrorCode::io;
  return Error(kind, std::string(what) + ": " + std::generic_category().message(code));
}

/// The topmost folder on the way that other users may not pass; `folder` itself when they may.
fs::path topmost_closed(const fs::path& folder) {
  fs::path way;
  for (const fs::path& part : folder) {
    way /= part;
    struct stat status {};
    if (way != "/" && ::stat(way.c_str(), &status) == 0 && (status.st_mode & S_IXOTH) == 0)
      return way;
  }
  return folder;
}

/// Lays an empty file system over what is to be hidden, and the one folder into it.
Result<void> hide_all_but(const fs::path& hidden, const fs::path& folder) {
  const int handle = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (handle < 0) return refused(folder.string());
  const std::string source = "/proc/self/fd/" + std::to_string(handle);
  const fs::path cover = topmost_closed(hidden);
  std::error_code error;
  bool done = ::mount("tmpfs", cover.c_str(), "tmpfs", MS_NOSUID | MS_NODEV,
                      "mode=0755,size=1m") == 0;
  if (done) done = fs::create_directories(folder, error) && !error;
  if (done) done = ::mount(source.c_str(), folder.c_str(), nullptr, MS_BIND, nullptr) == 0;
  const int reason = error ? error.value() : errno;
  ::close(handle);
  if (done) return {};
  return refused("hiding " + cover.string(), reason);
}

Result<void> write_map(pid_t process, const char* name, uid_t first) {
  const std::string path = "/proc/" + std::to_string(process) + "/" + name;
  const std::string line =
      "0 " + std::to_string(first) + " " + std::to_string(isolated_users) + "\n";
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return refused(path);
  const bool written = ::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  const int reason = errno;
  ::close(file);
  if (written) return {};
  return refused("users " + std::to_string(first) + " and on", reason);
}

bool limit(int what, const std::optional<std::uint64_t>& most) {
  if (!most) return true;
  const rlimit wanted{*most, *most};
  return ::setrlimit(static_cast<decltype(RLIMIT_NPROC)>(what), &wanted) == 0;
}

/// Becomes root of the namespaces. False: errno says why.
bool settle(const IsolationSpec& spec) {
  if (::setgroups(0, nullptr) < 0 || ::setresgid(0, 0, 0) < 0 || ::setresuid(0, 0, 0) < 0)
    return false;
  if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) < 0) return false;
  if (!limit(RLIMIT_NPROC, spec.processes) || !limit(RLIMIT_DATA, spec.memory)) return false;
  // After the change of users, which would undo it.
  return ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
}

struct Pipe {
  std::array<int, 2> ends{-1, -1};
  Pipe() { (void)!::pipe2(ends.data(), O_CLOEXEC); }
  ~Pipe() {
    close(0);
    close(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close(std::size_t end) {
    if (ends[end] >= 0) ::close(std::exchange(ends[end], -1));
  }
};

/// The first process inside. `go` says that the users are there; its end, that the parent died.
[[noreturn]] void run_inside(const IsolationSpec& spec, Pipe& go, Pipe& ready,
                             const sigset_t& signals, const std::function<int()>& inside) {
  go.close(1);
  ready.close(0);
  char byte = 0;
  if (::read(go.ends[0], &byte, 1) != 1) ::_exit(127);
  const int code = settle(spec) ? 0 : errno;
  if (::write(ready.ends[1], &code, sizeof code) != sizeof code || code != 0) ::_exit(127);
  ready.close(1);
  pollfd parent{go.ends[0], POLLIN, 0};
  if (::poll(&parent, 1, 0) != 0) ::_exit(127);  // it died before its death was to be told
  ::sigprocmask(SIG_SETMASK, &signals, nullptr);
  ::_exit(inside());
}

/// Waits for the end, and passes signals on.
int supervise(pid_t child, const sigset_t& watched) {
  while (true) {
    siginfo_t info{};
    const int signal = ::sigwaitinfo(&watched, &info);
    if (signal == SIGTERM || signal == SIGINT) ::kill(child, signal);
    int status = 0;
    if (::waitpid(child, &status, WNOHANG) == child)
      return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
}

}  // namespace

Result<void> give_tree(const fs::path& folder, uid_t user) {
  std::error_code error;
  if (::lchown(folder.c_str(), user, user) < 0) return refused(folder.string());
  for (fs::recursive_directory_iterator next(folder, error), end; !error && next != end;
       next.increment(error))
    if (::lchown(next->path().c_str(), user, user) < 0) return refused(next->path().string());
  if (error) return refused(folder.string(), error.value());
  return {};
}

Result<int> run_isolated(const IsolationSpec& spec, const std::function<int()>& inside) {
  if (::unshare(CLONE_NEWNS) < 0) return refused("a mount namespace");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0)
    return refused("private mounts");
  if (!spec.hidden.empty()) SLIPWAY_CHECK(hide_all_but(spec.hidden, spec.folder));

  sigset_t watched, before;
  ::sigemptyset(&watched);
  for (int signal : {SIGTERM, SIGINT, SIGCHLD}) ::sigaddset(&watched, signal);
  ::sigprocmask(SIG_BLOCK, &watched, &before);
  Pipe go, ready;
  constexpr long flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
  const auto child =
      static_cast<pid_t>(::syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (child == 0) run_inside(spec, go, ready, before, inside);
  const int clone_error = errno;
  const auto give_up = [&](Error error) -> Result<int> {
    if (child > 0) {
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
    }
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    return error;
  };
  if (child < 0) return give_up(refused("namespaces", clone_error));
  go.close(0);
  ready.close(1);
  for (const char* map : {"uid_map", "gid_map"})
    if (auto mapped = write_map(child, map, spec.first_user); !mapped)
      return give_up(mapped.error());
  int code = EIO;
  if (::write(go.ends[1], "g", 1) != 1 ||
      ::read(ready.ends[0], &code, sizeof code) != sizeof code || code != 0)
    return give_up(refused("settling in the namespaces", code));
  const int status = supervise(child, watched);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  return status;
}

}  // namespace slipway
