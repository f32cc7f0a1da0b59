// How buildah is to work on this machine: decided from facts, which are probed once.
//
// - Storage. `overlay` needs to mount: root with CAP_SYS_ADMIN, and a folder that is not itself on
//   an overlay, and in a user namespace a kernel that allows it there; else `overlay` by way of fuse-overlayfs when that and /dev/fuse are there; else
//   `vfs`, which needs nothing and copies each layer.
// - Isolation of RUN. `chroot` works without a container runtime, in unprivileged containers and in
//   Kubernetes pods. The machine around the worker is the boundary that protects others.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace slipway {

struct MachineFacts {
  bool root = false;
  bool may_mount = false;          // CAP_SYS_ADMIN
  bool kernel_overlay = false;     // /proc/filesystems
  bool folder_on_overlay = false;  // the work folder's file system
  bool fuse_device = false;        // /dev/fuse can be opened
  bool fuse_overlayfs = false;     // the program is there
  bool isolated = false;           // buildah runs in a user namespace (support/isolation.hpp)
  bool overlay_for_users = false;  // the kernel lets user namespaces mount overlay: 5.11
};

struct BuildahSetup {
  std::string storage_driver;                // "overlay" or "vfs"
  std::vector<std::string> storage_options;  // --storage-opt
  std::string isolation;

  friend bool operator==(const BuildahSetup&, const BuildahSetup&) = default;
};

BuildahSetup choose_buildah_setup(const MachineFacts& facts);

/// Looks at this machine and at the folder where storage will be. A fact that cannot be found out
/// is false.
MachineFacts probe_machine(const std::filesystem::path& folder);

/// How many processes the kernel has killed since it started, for want of memory in the machine or
/// in a cgroup (/proc/vmstat, "oom_kill"); 0 when it does not tell.
std::uint64_t processes_killed_for_memory();

/// What the folder and all in it take on their disk, in bytes; what cannot be looked at is left out.
std::uint64_t disk_usage(const std::filesystem::path& folder);

/// Has the folder's file system no more than `spare` bytes, 64 KiB at the least, or no inodes left?
bool is_full(const std::filesystem::path& folder, std::uint64_t spare = 0);

}  // namespace slipway
