// Running another program to its end, with all that it starts.
//
// The program runs in a session of its own and is killed when this process dies. This process is
// made the one to which orphans are given (PR_SET_CHILD_SUBREAPER), so that nothing can leave the
// family by forking twice or by setsid; when the program has ended, or must, all that is left of
// the family is killed and reaped before run_process returns. The family is every descendant of
// this process: it must start no programs by other means meanwhile.
//
// Thread safety: any thread, one call at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <slipway/core/result.hpp>

namespace slipway {

struct ProcessSpec {
  std::vector<std::string> arguments;  // the program first, looked up in PATH
  std::vector<std::pair<std::string, std::string>> environment;  // all of it: nothing is inherited
  std::filesystem::path folder;                                  // where it runs; empty: here
  std::optional<std::chrono::milliseconds> timeout;
  /// Gets what the program writes to standard output and error, as it comes. It may block: the
  /// program then waits.
  std::function<void(std::string_view)> output;
  std::vector<std::filesystem::path> groups = {};  // Cgroup::entries of the one that it is in
};

struct ProcessEnd {
  enum class Cause { exited, signalled, timed_out, stopped };
  Cause cause = Cause::exited;
  int status = 0;  // exited: the exit status; signalled: the signal
  /// Of the program and of what it waited for (getrusage(2)): what outlived it is not in there.
  std::chrono::milliseconds cpu{0};
  std::uint64_t peak_memory_bytes = 0;  // of the largest process

  [[nodiscard]] bool success() const noexcept { return cause == Cause::exited && status == 0; }
  /// "exit status 1", "killed by signal 9", "timed out", "stopped".
  [[nodiscard]] std::string describe() const;
};

/// Errors: not_found (no such program), io.
Result<ProcessEnd> run_process(const ProcessSpec& spec, std::stop_token stop = {});

/// The same, with the output kept; what is beyond `limit` bytes is cut at the front.
struct CapturedProcess {
  ProcessEnd end;
  std::string output;
};
Result<CapturedProcess> run_and_capture(ProcessSpec spec, std::stop_token stop = {},
                                        std::size_t limit = std::size_t{64} * 1024);

/// Where a program of this name is in PATH; nullopt when it is nowhere.
std::optional<std::filesystem::path> find_program(std::string_view name);

/// Cuts bytes into lines. The lines have no line break; a carriage return ends none.
class LineSplitter {
 public:
  explicit LineSplitter(std::function<void(std::string_view)> line) : line_(std::move(line)) {}

  void add(std::string_view bytes);
  /// What was not ended by a line break.
  void finish();

 private:
  std::function<void(std::string_view)> line_;
  std::string rest_;
};

}  // namespace slipway
