// How much a build may put on the disk.
//
// - A file system of its own, of that size: an ext4 in a sparse file beside the build's folder, which
//   the build does not see. It holds against anything, because the kernel has no more to give: files
//   that were deleted while open, sparse files, inodes. It is mounted in a mount namespace of the
//   worker's, so it ends with the worker, whatever ends that. Needs root, loop devices and mkfs.ext4.
// - Where that is not to be had the worker measures the folder at each heartbeat and ends the build
//   that has more. A build that is quick can have more for some seconds, and what it deleted while
//   open is not seen.
//
// Thread safety: mount_build_disk from the thread that will start the builder.
#pragma once

#include <cstdint>
#include <filesystem>

#include <slipway/core/result.hpp>

namespace slipway {

struct DiskFacts {
  bool may_mount = false;     // root with CAP_SYS_ADMIN
  bool loop_devices = false;  // /dev/loop-control can be opened
  bool programs = false;      // mkfs.ext4 and mount are there
};

enum class DiskBound { file_system, watched };

DiskBound choose_disk_bound(const DiskFacts& facts);

/// Looks at this machine. What cannot be found out is false.
DiskFacts probe_disk();

/// Makes `file`, of at most `bytes`, and mounts it on `folder`, for this thread and what it starts.
/// Errors: io (what went wrong).
Result<void> mount_build_disk(const std::filesystem::path& file, const std::filesystem::path& folder,
                              std::uint64_t bytes);

}  // namespace slipway
