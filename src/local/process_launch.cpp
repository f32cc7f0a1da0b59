#include "local/process_launch.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <system_error>

#if defined(__SANITIZE_THREAD__)
// ThreadSanitizer takes clone for a fork even where memory is shared, and its state would have been
// through one. It does not know this other name of the same function.
extern "C" int __clone(int (*)(void*), void*, int, void*, ...);
#define clone __clone
#endif

namespace slipway {
namespace {

enum class Stage : int { output, record, taken, folder, program };

/// What parent and child share. The child may only make system calls and touch its own stack and
/// this: it borrows the parent's memory.
struct Shared {
  const char* program;
  char* const* arguments;
  char* const* environment;
  const char* folder;
  const char* output;
  const char* record;
  const char* boot_id;
  int input;
  sigset_t signals;  // the mask to restore
  volatile Stage stage = Stage::output;
  volatile int code = 0;  // errno; 0: the program runs
  volatile std::uint64_t start_time = 0;
};

// The child's calls on files go by number: what a sanitizer puts in the place of libc's would count
// its descriptors among the parent's.
int open_file(const char* path, int flags) {
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600));
}
void close_file(int file) { ::syscall(SYS_close, file); }
bool put_in_place(int file, int number) {
  if (file == number) return ::fcntl(file, F_SETFD, 0) == 0;
  return ::syscall(SYS_dup3, file, number, 0) >= 0;
}

/// Text in a buffer on the stack, for code that may not allocate.
class StackText {
 public:
  void add(const char* text) {
    while (*text != '\0' && size_ + 1 < sizeof bytes_) bytes_[size_++] = *text++;
    bytes_[size_] = '\0';
  }
  void add(std::uint64_t number) {
    char digits[24];
    char* front = digits + sizeof digits;
    *--front = '\0';
    do {
      *--front = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    add(front);
  }
  [[nodiscard]] const char* c_str() const { return bytes_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  char bytes_[5120] = {};
  std::size_t size_ = 0;
};

/// Field 22 of /proc/self/stat; 0 when it cannot be read.
std::uint64_t own_start_time() {
  char text[1024];
  const int file = open_file("/proc/self/stat", O_RDONLY);
  if (file < 0) return 0;
  const long size = ::syscall(SYS_read, file, text, sizeof text);
  close_file(file);
  if (size <= 0) return 0;
  const char* end = text + size;
  const char* at = end;
  while (at != text && *(at - 1) != ')') --at;  // the name before it may hold anything
  constexpr int spaces_before = 20;             // ") state ppid ...": 20 spaces up to field 22
  for (int spaces = 0; at != end && spaces < spaces_before; ++at) spaces += *at == ' ' ? 1 : 0;
  std::uint64_t value = 0;
  for (; at != end && *at >= '0' && *at <= '9'; ++at)
    value = value * 10 + static_cast<std::uint64_t>(*at - '0');
  return value;
}

/// False: errno says why; EEXIST when there is one.
bool write_record(const Shared& shared, std::uint64_t start_time) {
  const auto pid = static_cast<std::uint64_t>(::getpid());
  StackText draft;
  draft.add(shared.record);
  draft.add(".");
  draft.add(pid);
  StackText text;
  text.add("{\"pid\": ");
  text.add(pid);
  text.add(", \"start_time\": ");
  text.add(start_time);
  text.add(", \"boot_id\": \"");
  text.add(shared.boot_id);
  text.add("\"}\n");

  const int file = open_file(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC);
  if (file < 0) return false;
  const bool written = ::syscall(SYS_write, file, text.c_str(), text.size()) ==
                       static_cast<long>(text.size());
  close_file(file);
  const bool linked = written && ::link(draft.c_str(), shared.record) == 0;
  const int reason = errno;
  ::unlink(draft.c_str());
  errno = reason;
  return linked;
}

void run_child(Shared& shared) {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &standard, nullptr);
  sigset_t none;
  ::sigemptyset(&none);

  ::setsid();
  const int input = shared.input >= 0 ? shared.input : open_file("/dev/null", O_RDONLY);
  const int output = open_file(shared.output, O_WRONLY | O_CREAT | O_APPEND);
  if (input < 0 || output < 0 || !put_in_place(input, 0) || !put_in_place(output, 1) ||
      !put_in_place(output, 2))
    return;
  ::syscall(SYS_close_range, 3U, ~0U, 0U);

  shared.stage = Stage::folder;
  if (::chdir(shared.folder) < 0) return;
  shared.stage = Stage::program;
  if (::access(shared.program, X_OK) < 0) return;
  shared.stage = Stage::record;
  const std::uint64_t start_time = own_start_time();
  if (start_time == 0) return;
  if (!write_record(shared, start_time)) {
    if (errno == EEXIST) shared.stage = Stage::taken;
    return;
  }
  shared.start_time = start_time;
  shared.stage = Stage::program;
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(shared.program, shared.arguments, shared.environment);
  const int reason = errno;
  ::unlink(shared.record);
  errno = reason;
}

int child_main(void* shared) {
  run_child(*static_cast<Shared*>(shared));
  static_cast<Shared*>(shared)->code = errno != 0 ? errno : EIO;
  return 127;
}

/// As vfork, but on a stack of its own, so that nothing of the caller's frame can change.
pid_t start_child(Shared& shared) {
  constexpr std::size_t stack_size = std::size_t{64} * 1024;
  const auto stack = std::make_unique_for_overwrite<std::byte[]>(stack_size);
  return ::clone(child_main, stack.get() + stack_size, CLONE_VM | CLONE_VFORK | SIGCHLD, &shared);
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

Error launch_error(const LaunchSpec& spec, Stage stage, int code) {
  const std::string reason = std::generic_category().message(code);
  switch (stage) {
    case Stage::program:
      return Error(ErrorCode::invalid_argument,
                   "worker program " + spec.program.string() + ": " + reason);
    case Stage::folder:
      return Error(ErrorCode::io, spec.folder.string() + ": " + reason);
    case Stage::output:
      return Error(ErrorCode::io, spec.output.string() + ": " + reason);
    case Stage::record:
    case Stage::taken:
      break;
  }
  return Error(ErrorCode::io, spec.record.string() + ": " + reason);
}

}  // namespace

Result<std::optional<ProcessId>> launch_detached(const LaunchSpec& spec) {
  std::vector<std::string> arguments = spec.arguments;
  std::vector<std::string> environment = spec.environment;
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(environment);
  Shared shared{
      spec.program.c_str(), argv.data(),         envp.data(),          spec.folder.c_str(),
      spec.output.c_str(),  spec.record.c_str(), spec.boot_id.c_str(), spec.input, {}};

  // No handler may run in the child while it borrows this memory.
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &shared.signals);
  const pid_t pid = start_child(shared);
  const int reason = errno;
  ::pthread_sigmask(SIG_SETMASK, &shared.signals, nullptr);

  if (pid < 0)
    return Error(ErrorCode::io,
                 "a worker cannot be started: " + std::generic_category().message(reason));
  if (shared.code == 0) return std::optional(ProcessId{pid, shared.start_time});
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (shared.stage == Stage::taken) return std::optional<ProcessId>();
  return launch_error(spec, shared.stage, shared.code);
}

}  // namespace slipway
