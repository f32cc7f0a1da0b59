#include "tests/crash/explorer.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>

#include "tests/crash/state_check.hpp"
#include "tests/crash/tree_folder.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway::crash {

namespace {

namespace fs = std::filesystem;

/// A guard against a store that never returns from a state; no measurement.
constexpr unsigned seconds_for_a_state = 60;

bool changes_files(const Entry& entry) {
  switch (entry.kind) {
    case Entry::Kind::open:
      return entry.made;
    case Entry::Kind::flush_begin:
    case Entry::Kind::map:
    case Entry::Kind::begin:
    case Entry::Kind::succeed:
    case Entry::Kind::fail:
    case Entry::Kind::kill:
    case Entry::Kind::not_modelled:
      return false;
    default:
      return true;
  }
}

/// What the child tells, a line each: "at TEXT", "violation INVARIANT|TEXT", "done N N N".
class Report {
 public:
  explicit Report(int pipe) : pipe_(pipe) {}

  void line(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    text.push_back('\n');
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t count = write(pipe_, text.data() + done, text.size() - done);
      if (count <= 0) _exit(3);
      done += static_cast<std::size_t>(count);
    }
  }

 private:
  const int pipe_;
};

class Explorer {
 public:
  Explorer(World& world, const CallLog& log, const ExploreOptions& options,
           const fs::path& scratch, Report& report)
      : world_(world),
        log_(log),
        options_(options),
        scratch_(scratch),
        report_(report),
        random_(options.seed),
        disk_(options.ignored),
        history_(world.actions()) {}

  void run() {
    for (position_ = 0; position_ < log_.size(); ++position_) {
      if (changes_files(log_[position_]) && position_ >= options_.first) explore_point();
      if (found_ >= options_.enough) break;
      disk_.apply(log_[position_]);
      learn(log_[position_]);
      if (options_.write_back_every > 0 && changes_files(log_[position_]) &&
          random_() % options_.write_back_every == 0)
        disk_.write_back(random_);
    }
    if (found_ < options_.enough) explore_point();
    report_.line("done " + std::to_string(points_) + " " + std::to_string(states_) + " " +
                 std::to_string(exhausted_));
  }

 private:
  void learn(const Entry& entry) {
    history_.apply(entry);
    if (entry.kind == Entry::Kind::begin || entry.kind == Entry::Kind::succeed ||
        entry.kind == Entry::Kind::fail || entry.kind == Entry::Kind::kill)
      expected_.reset();
  }

  void explore_point() {
    ++points_;
    if (!expected_)
      expected_ = expectation(history_, world_.uploads(), world_.clock().now());
    const Expectation& expected = *expected_;
    const std::uint64_t budget = options_.states_at_a_point;
    const std::uint64_t few = std::max(options_.few, budget);
    if (disk_.count(few + 1) <= few) {
      ++exhausted_;
      Enumeration all;
      do {
        try_state(expected, disk_.power_cut(all));
      } while (all.next());
      return;
    }
    // The corners take turns where the budget is smaller than their number.
    for (std::uint64_t i = 0; i < budget; ++i) {
      const bool is_corner = i < (budget + 1) / 2 && i < Sample::corners;
      Sample sample(options_.seed + position_,
                    is_corner ? (position_ + i) % Sample::corners : Sample::corners + i);
      try_state(expected, disk_.power_cut(sample));
    }
  }

  void try_state(const Expectation& expected, const Tree& tree) {
    alarm(seconds_for_a_state);
    ++states_;
    const std::string where = "before entry " + std::to_string(position_) + " (" +
                              (position_ < log_.size() ? describe(log_[position_]) : "the end") +
                              "), state " + std::to_string(states_);
    report_.line("at " + where);
    const fs::path folder = scratch_ / "state";
    fs::create_directory(folder);
    write_tree(tree, folder, random_);
    const Violations violations = check_state(world_, expected, folder / "data");
    fs::remove_all(folder);
    if (violations.empty()) return;
    ++found_;
    for (const Violation& violation : violations)
      report_.line("violation " + violation.invariant + "|" + where + ": " + violation.what);
    const char* keep = std::getenv("SLIPWAY_CRASH_KEEP");
    if (keep == nullptr || found_ > 1) return;
    fs::create_directories(keep);
    write_tree(tree, keep, random_);
  }

  World& world_;
  const CallLog& log_;
  const ExploreOptions& options_;
  const fs::path& scratch_;
  Report& report_;
  std::mt19937_64 random_;
  Disk disk_;
  History history_;
  std::optional<Expectation> expected_;  // by the history so far; empty: not worked out yet
  std::size_t position_ = 0;
  std::size_t found_ = 0;
  std::uint64_t points_ = 0;
  std::uint64_t states_ = 0;
  std::uint64_t exhausted_ = 0;
};

std::string read_all(int descriptor) {
  std::string text;
  std::array<char, 4096> buffer{};
  while (true) {
    const ssize_t count = read(descriptor, buffer.data(), buffer.size());
    if (count <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

Exploration parse(const std::string& text, int status) {
  Exploration result;
  std::string at;
  bool done = false;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin);
    begin = end == std::string::npos ? text.size() : end + 1;
    if (line.starts_with("at ")) {
      at = line.substr(3);
    } else if (line.starts_with("violation ")) {
      const std::size_t bar = line.find('|');
      result.violations.push_back({line.substr(10, bar - 10), line.substr(bar + 1)});
    } else if (std::sscanf(line.c_str(), "done %lu %lu %lu", &result.points, &result.states,
                           &result.exhausted) == 3) {
      done = true;
    }
  }
  if (!done || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
    result.violations.push_back(
        {std::string(invariant::opens), at + ": the process ended with status " +
                                            std::to_string(status) + " while it had it open"});
  return result;
}

}  // namespace

Exploration explore(World& world, const CallLog& log, const ExploreOptions& options) {
  const auto scratch = test::TemporaryFolder::in_memory();
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) throw std::runtime_error("pipe");
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork");
  if (child == 0) {
    close(ends[0]);
    // What throws ends this process: whoever waits for it takes that for a violation.
    [&]() noexcept {
      Report report(ends[1]);
      Explorer(world, log, options, scratch.path(), report).run();
    }();
    _exit(0);
  }
  close(ends[1]);
  const std::string text = read_all(ends[0]);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return parse(text, status);
}

}  // namespace slipway::crash
