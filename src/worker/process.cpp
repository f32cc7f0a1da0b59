#include "worker/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include "support/process_tree.hpp"

namespace slipway {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class Handle {
 public:
  explicit Handle(int value = -1) : value_(value) {}
  Handle(Handle&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Handle() { close(); }
  void close() {
    if (value_ >= 0) ::close(std::exchange(value_, -1));
  }
  [[nodiscard]] int get() const noexcept { return value_; }

 private:
  int value_;
};

Error system_error(std::string_view what, int code = errno) {
  return Error(code == ENOENT ? ErrorCode::not_found : ErrorCode::io,
               std::string(what) + ": " + std::generic_category().message(code));
}

/// The texts of a vector as exec wants them.
std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// What the child needs, made before the fork: behind it only async-signal-safe calls are allowed.
struct Launch {
  const char* program;
  char* const* arguments;
  char* const* environment;
  const char* folder;  // nullptr: stay
  const char* const* groups;  // files to enter control groups by; ends with nullptr
  pid_t parent;
  int output;
  int error;  // gets errno when the program could not be run
};

[[noreturn]] void run_child(const Launch& launch) {
  const auto fail = [&launch] {
    const int code = errno;
    [[maybe_unused]] const ssize_t sent = ::write(launch.error, &code, sizeof code);
    ::_exit(127);
  };
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &standard, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);

  if (::setsid() < 0 || ::prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) fail();
  if (::getppid() != launch.parent) ::_exit(127);  // it died before the request was in force
  for (const char* const* group = launch.groups; *group != nullptr; ++group) {
    const int entry = ::open(*group, O_WRONLY | O_CLOEXEC);
    if (entry < 0 || ::write(entry, "0", 1) != 1) fail();
    ::close(entry);
  }
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0 || ::dup2(null, 0) < 0 || ::dup2(launch.output, 1) < 0 ||
      ::dup2(launch.output, 2) < 0)
    fail();
  // Everything above 2 closes at exec, the error pipe among it.
  ::syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
  if (launch.folder != nullptr && ::chdir(launch.folder) < 0) fail();
  ::execve(launch.program, launch.arguments, launch.environment);
  fail();
  ::_exit(127);
}

struct Child {
  pid_t pid = 0;
  Handle process;  // a pidfd
  Handle output;
};

Result<Child> start(const ProcessSpec& spec) {
  if (spec.arguments.empty())
    return Error(ErrorCode::invalid_argument, "a process needs the name of a program");
  const auto program = find_program(spec.arguments.front());
  if (!program)
    return Error(ErrorCode::not_found,
                 spec.arguments.front() + ": no such program in PATH; install it");

  std::vector<std::string> arguments = spec.arguments;
  std::vector<std::string> variables;
  for (const auto& [name, value] : spec.environment) variables.push_back(name + "=" + value);
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(variables);
  std::vector<const char*> groups;
  for (const std::filesystem::path& group : spec.groups) groups.push_back(group.c_str());
  groups.push_back(nullptr);

  std::array<int, 2> output{}, error{};
  if (::pipe2(output.data(), O_CLOEXEC) < 0) return system_error("pipe");
  Handle output_read(output[0]), output_write(output[1]);
  if (::pipe2(error.data(), O_CLOEXEC) < 0) return system_error("pipe");
  Handle error_read(error[0]), error_write(error[1]);

  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) return system_error("prctl");
  const Launch launch{program->c_str(), argv.data(),
                      envp.data(),      spec.folder.empty() ? nullptr : spec.folder.c_str(),
                      groups.data(),    ::getpid(),
                      output[1],        error[1]};
  const pid_t pid = ::fork();
  if (pid < 0) return system_error("fork");
  if (pid == 0) run_child(launch);

  output_write.close();
  error_write.close();
  int code = 0;
  ssize_t got = 0;
  do {
    got = ::read(error_read.get(), &code, sizeof code);
  } while (got < 0 && errno == EINTR);
  Handle process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (got > 0 || process.get() < 0) {
    const int reason = got > 0 ? code : errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return system_error(spec.arguments.front(), reason);
  }
  return Child{pid, std::move(process), std::move(output_read)};
}

std::vector<ProcessInfo> family() {
  return descendants(::getpid(), all_processes());
}

/// Kills whatever of the family runs.
Result<void> kill_family() {
  if (kill_all(family)) return {};
  return Error(ErrorCode::io, "a process of the build cannot be killed; restart the machine");
}

/// Reaps what was killed. It comes to us from its parents as those are reaped, so until none is
/// left.
void reap_family() {
  for (std::vector<ProcessInfo> dead = family(); !dead.empty(); dead = family())
    for (const ProcessInfo& process : dead)
      if (process.parent == ::getpid()) ::waitpid(process.id.pid, nullptr, 0);
}

/// Passes on what is in the pipe. False: its other end is closed.
bool pass_on_once(int pipe, const std::function<void(std::string_view)>& output) {
  std::array<char, 65536> buffer{};
  const ssize_t got = ::read(pipe, buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR;
  if (got > 0 && output) output(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
  return got > 0;
}

ProcessEnd reap(pid_t pid) {
  int status = 0;
  rusage used{};
  while (::wait4(pid, &status, 0, &used) < 0 && errno == EINTR) {
  }
  const auto time = [](const timeval& value) {
    return std::chrono::seconds(value.tv_sec) + std::chrono::microseconds(value.tv_usec);
  };
  constexpr std::uint64_t bytes_of_unit = 1024;
  ProcessEnd end;
  end.cause = WIFSIGNALED(status) ? ProcessEnd::Cause::signalled : ProcessEnd::Cause::exited;
  end.status = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
  end.cpu = std::chrono::round<milliseconds>(time(used.ru_utime) + time(used.ru_stime));
  end.peak_memory_bytes = static_cast<std::uint64_t>(used.ru_maxrss) * bytes_of_unit;
  return end;
}

/// Milliseconds until the deadline for poll; -1 without one.
int poll_timeout(const std::optional<steady_clock::time_point>& deadline) {
  if (!deadline) return -1;
  const auto left = std::chrono::ceil<milliseconds>(*deadline - steady_clock::now());
  return static_cast<int>(std::clamp<milliseconds::rep>(left.count(), 0, 3'600'000));
}

}  // namespace

std::string ProcessEnd::describe() const {
  switch (cause) {
    case Cause::exited:
      return "exit status " + std::to_string(status);
    case Cause::signalled:
      return "killed by signal " + std::to_string(status);
    case Cause::timed_out:
      return "timed out";
    case Cause::stopped:
      return "stopped";
  }
  return "";
}

Result<ProcessEnd> run_process(const ProcessSpec& spec, std::stop_token stop) {
  if (stop.stop_requested()) return ProcessEnd{ProcessEnd::Cause::stopped, 0};
  const Handle wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (wake.get() < 0) return system_error("eventfd");
  SLIPWAY_TRY(Child child, start(spec));
  const std::stop_callback on_stop(stop, [&wake] { ::eventfd_write(wake.get(), 1); });
  std::optional<steady_clock::time_point> deadline;
  if (spec.timeout) deadline = steady_clock::now() + *spec.timeout;

  std::optional<ProcessEnd::Cause> forced;
  std::array<pollfd, 3> watched{
      {{child.output.get(), POLLIN, 0}, {child.process.get(), POLLIN, 0}, {wake.get(), POLLIN, 0}}};
  while (!forced) {
    const int ready = ::poll(watched.data(), watched.size(), poll_timeout(deadline));
    if (ready < 0 && errno != EINTR) return system_error("poll");
    if (stop.stop_requested())
      forced = ProcessEnd::Cause::stopped;
    else if (deadline && steady_clock::now() >= *deadline)
      forced = ProcessEnd::Cause::timed_out;
    else if (ready > 0 && watched[1].revents != 0)
      break;
    else if (ready > 0 && watched[0].revents != 0)
      if (!pass_on_once(child.output.get(), spec.output)) watched[0].fd = -1;
  }
  SLIPWAY_CHECK(kill_family());
  ProcessEnd end = reap(child.pid);
  reap_family();
  ::fcntl(child.output.get(), F_SETFL, O_NONBLOCK);
  while (pass_on_once(child.output.get(), spec.output)) {
  }
  if (forced) {
    end.cause = *forced;
    end.status = 0;
  }
  return end;
}

Result<CapturedProcess> run_and_capture(ProcessSpec spec, std::stop_token stop, std::size_t limit) {
  CapturedProcess captured;
  spec.output = [&captured, limit, also = std::move(spec.output)](std::string_view bytes) {
    if (also) also(bytes);
    captured.output.append(bytes);
    if (captured.output.size() > 2 * limit)
      captured.output.erase(0, captured.output.size() - limit);
  };
  SLIPWAY_TRY(captured.end, run_process(spec, std::move(stop)));
  if (captured.output.size() > limit) captured.output.erase(0, captured.output.size() - limit);
  return captured;
}

std::optional<std::filesystem::path> find_program(std::string_view name) {
  if (name.find('/') != std::string_view::npos) return std::filesystem::path(name);
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    const std::filesystem::path candidate = std::filesystem::path(rest.substr(0, end)) / name;
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return std::nullopt;
}

void LineSplitter::add(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    if (end == std::string_view::npos) {
      rest_.append(bytes);
      return;
    }
    if (rest_.empty()) {
      line_(bytes.substr(0, end));
    } else {
      rest_.append(bytes.substr(0, end));
      line_(rest_);
      rest_.clear();
    }
    bytes.remove_prefix(end + 1);
  }
}

void LineSplitter::finish() {
  if (rest_.empty()) return;
  line_(rest_);
  rest_.clear();
}

}  // namespace slipway
