#include "worker/buildah_setup.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
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

bool kernel_at_least(unsigned major, unsigned minor) {
  utsname names{};
  ::uname(&names);
  const std::string_view release = names.release;
  const std::size_t dot = std::min(release.find('.'), release.size());
  unsigned first = 0, second = 0;
  std::from_chars(release.data(), release.data() + dot, first);
  if (dot < release.size())
    std::from_chars(release.data() + dot + 1, release.data() + release.size(), second);
  return first > major || (first == major && second >= minor);
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
  if (facts.root && facts.may_mount && facts.kernel_overlay && !facts.folder_on_overlay &&
      (!facts.isolated || facts.overlay_for_users)) {
    setup.storage_driver = "overlay";
  } else if (!facts.isolated && facts.fuse_device && facts.fuse_overlayfs && (!facts.root || facts.may_mount)) {
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
  facts.overlay_for_users = kernel_at_least(5, 11);
  facts.fuse_overlayfs = ::access("/usr/bin/fuse-overlayfs", X_OK) == 0;
  return facts;
}

std::uint64_t processes_killed_for_memory() {
  std::ifstream counters("/proc/vmstat");
  std::string name;
  for (std::uint64_t value = 0; counters >> name >> value;)
    if (name == "oom_kill") return value;
  return 0;
}

std::uint64_t disk_usage(const std::filesystem::path& folder) {
  constexpr std::uint64_t bytes_of_block = 512;  // stat(2), st_blocks
  namespace fs = std::filesystem;
  std::uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator
           next(folder, fs::directory_options::skip_permission_denied, error),
       end;
       !error && next != end; next.increment(error)) {
    struct stat status {};
    if (::lstat(next->path().c_str(), &status) == 0)
      bytes += static_cast<std::uint64_t>(status.st_blocks) * bytes_of_block;
  }
  return bytes;
}

bool is_full(const std::filesystem::path& folder, std::uint64_t spare) {
  constexpr std::uint64_t hardly_anything = std::uint64_t{64} * 1024;
  struct statvfs status {};
  if (::statvfs(folder.c_str(), &status) != 0) return false;
  return status.f_bavail * status.f_frsize < std::max(hardly_anything, spare) ||
         (status.f_files > 0 && status.f_favail == 0);
}

}  // namespace slipway
