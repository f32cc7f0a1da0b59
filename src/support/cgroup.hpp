// Cgroup: a control group of its own for a tree of processes: how much memory and how many processes
// all of it together may have, and what it took (cgroups(7); the kernel's admin-guide/cgroup-v2.rst
// and cgroup-v1/memory.rst).
//
// Both versions are known, since machines have one, the other, or version 2 without the controllers
// beside version 1. Where groups can be made is found by making one: a container may have the file
// system read-only, and a controller may be given to nobody.
//
// A group is a folder; it stays until it is removed, whoever made it. Needs to be root, or to have
// been given a part of the tree.
//
// Thread safety: plain values and calls of the system; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <slipway/core/result.hpp>

namespace slipway {

/// A group below which groups can perhaps be made.
struct CgroupPlace {
  unsigned version = 2;
  std::filesystem::path memory;
  std::filesystem::path processes;  // of version 2: the same

  friend bool operator==(const CgroupPlace&, const CgroupPlace&) = default;
};

/// Those of a process with these /proc/PID/mountinfo and /proc/PID/cgroup, best first: version 2
/// before 1, the process' own group before the root.
std::vector<CgroupPlace> cgroup_places(std::string_view mountinfo, std::string_view cgroups);

/// The first of this process' places where a group with limits can be made. Errors: unsupported
/// (why, of the last one).
Result<CgroupPlace> find_cgroup_place();

struct CgroupLimits {
  std::optional<std::uint64_t> memory;  // bytes; nothing of it is swapped out beyond that
  std::optional<std::uint64_t> processes;
};

struct CgroupUsage {
  std::uint64_t peak_memory = 0;    // bytes; 0: the kernel does not tell
  std::uint64_t killed = 0;         // processes, for want of memory
  bool at_memory_limit = false;     // its own, not the machine's
};

class Cgroup {
 public:
  /// Makes the group, or takes one that is there. Errors: unsupported, io.
  static Result<Cgroup> make(const CgroupPlace& place, std::string_view name,
                             const CgroupLimits& limits);

  /// A process that writes "0" to each of these is in the group, with all that it starts from then.
  [[nodiscard]] std::vector<std::filesystem::path> entries() const;
  [[nodiscard]] CgroupUsage usage() const;

 private:
  explicit Cgroup(CgroupPlace folders) : folders_(std::move(folders)) {}

  CgroupPlace folders_;  // the group's own
};

/// Removes the groups of this name wherever they may have been made; those with processes stay.
void remove_cgroup(std::string_view name);

}  // namespace slipway
