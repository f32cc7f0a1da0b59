// What buildah's exit status and messages mean.
//
// The messages are those of buildah 1.28 (recorded in tests/worker/data/buildah), as far as it goes
// by parts of them that have stayed the same since.
//
//   user            dockerfile_invalid, dockerfile_missing, copy_source_missing, step_failed,
//                   target_not_found, base_image_not_found, base_image_denied, download_failed,
//                   out_of_memory (beyond the build's own limit)
//   infrastructure  no_space, out_of_memory, registry_unreachable, builder_failed
//
// Thread safety: pure functions; a watcher belongs to one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/build/build.hpp>

#include "worker/dockerfile.hpp"
#include "worker/process.hpp"

namespace slipway {

/// Reads buildah's output as it comes and keeps what a failure is told from.
class BuildahOutput {
 public:
  BuildahOutput() : lines_([this](std::string_view line) { take(line); }) {}
  BuildahOutput(const BuildahOutput&) = delete;
  BuildahOutput& operator=(const BuildahOutput&) = delete;

  void add(std::string_view bytes) { lines_.add(bytes); }
  void finish() { lines_.finish(); }

  /// From the last "Error: " on; empty when there was none.
  [[nodiscard]] const std::string& error() const noexcept { return error_; }
  /// The line in front of that.
  [[nodiscard]] const std::string& before_error() const noexcept { return before_error_; }
  /// The step that ran last, counted from 1; 0: none. A Dockerfile of one stage has stage 1.
  [[nodiscard]] std::size_t stage() const noexcept { return stage_; }
  [[nodiscard]] std::size_t step() const noexcept { return step_; }
  /// As buildah printed it: "RUN make".
  [[nodiscard]] const std::string& instruction() const noexcept { return instruction_; }

 private:
  void take(std::string_view line);

  LineSplitter lines_;
  std::string error_;
  std::string before_error_;
  std::string last_line_;
  std::string instruction_;
  std::size_t stage_ = 0;
  std::size_t step_ = 0;
};

struct BuildahFailure {
  BuildFailure failure;
  std::size_t line = 0;  // of the Dockerfile; 0: not known
};

/// What the machine ran out of while buildah ran. A RUN that failed then is no fault of its author's:
/// nothing that it printed and no exit status tells why it failed.
struct Shortages {
  bool memory = false;  // the kernel killed a process for its memory
  bool disk = false;    // the work folder's file system is full
  std::uint64_t memory_limit = 0;  // memory: bytes, of the build's own limit; 0: the machine's
};

BuildahFailure classify_buildah_failure(const BuildahOutput& output, const ProcessEnd& end,
                                        const std::vector<DockerfileInstruction>& dockerfile,
                                        const Shortages& shortages = {});

}  // namespace slipway
