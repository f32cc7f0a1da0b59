#include "worker/buildah_setup.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <fstream>
#include <string_view>

#include "worker/process.hpp"

namespace slipway {
namespace {

constexpr unsigned cap_sys_admin = 21;  // capabilities(7)

bool effective_capability(unsigned number) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    constexpr std::string_view name = "CapEff:\t";
    if (!line.starts_with(name)) continue;
    std::uint64_t set = 0;
    std::from_chars(line.data() + name.size(), line.data() + line.size(), set, 16);
    return (set >> number & 1U) != 0;
  }
  return false;
}

bool known_file_system(std::string_view wanted) {
  std::ifstream list("/proc/filesystems");
  for (std::string line; std::getline(list, line);)
    if (line.substr(line.find('\t') + 1) == wanted) return true;
  return false;
}

}  // namespace

BuildahSetup choose_buildah_setup(const MachineFacts& facts) {
  BuildahSetup setup{"vfs", {}, "chroot"};
  if (facts.root && facts.may_mount && facts.kernel_overlay && !facts.folder_on_overlay) {
    setup.storage_driver = "overlay";
  } else if (facts.fuse_device && facts.fuse_overlayfs && (!facts.root || facts.may_mount)) {
    setup.storage_driver = "overlay";
    setup.storage_options = {"overlay.mount_program=/usr/bin/fuse-overlayfs"};
  }
  return setup;
}

MachineFacts probe_machine(const std::filesystem::path& folder) {
  MachineFacts facts;
  facts.root = ::geteuid() == 0;
  facts.may_mount = effective_capability(cap_sys_admin);
  facts.kernel_overlay = known_file_system("overlay");
  struct statfs status {};
  facts.folder_on_overlay =
      ::statfs(folder.c_str(), &status) == 0 &&
      status.f_type == static_cast<decltype(status.f_type)>(OVERLAYFS_SUPER_MAGIC);
  const int fuse = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);
  facts.fuse_device = fuse >= 0;
  if (fuse >= 0) ::close(fuse);
  facts.fuse_overlayfs = ::access("/usr/bin/fuse-overlayfs", X_OK) == 0;
  return facts;
}

}  // namespace slipway
