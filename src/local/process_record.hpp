// What the local backend knows of a worker's process after a restart: <worker>/worker.json.
//
//   {"pid": 4711, "start_time": 90125, "boot_id": "9f0a…"}
//
// The process writes it about itself before it becomes the worker program (process_launch.hpp), so
// there is never a worker without its record, and never two of one name.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "support/process_tree.hpp"

namespace slipway {

struct ProcessRecord {
  ProcessId process;
  std::string boot_id;  // start times are of this boot

  friend bool operator==(const ProcessRecord&, const ProcessRecord&) = default;
};

/// nullopt: malformed.
std::optional<ProcessRecord> parse_process_record(std::string_view text);

/// nullopt: there is none.
std::optional<ProcessRecord> read_process_record(const std::filesystem::path& file);

/// /proc/sys/kernel/random/boot_id; empty when it cannot be read.
std::string current_boot_id();

/// The process of the record runs, in this boot.
bool is_running(const ProcessRecord& record);

}  // namespace slipway
