#include "worker/build_disk.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "worker/buildah_setup.hpp"
#include "worker/environment.hpp"
#include "worker/process.hpp"

namespace slipway {
namespace {

namespace fs = std::filesystem;

/// Programs of the system are not in everyone's PATH.
std::optional<fs::path> find_system_program(const std::string& name) {
  if (auto found = find_program(name)) return found;
  for (const char* folder : {"/usr/sbin", "/sbin"})
    if (const fs::path path = fs::path(folder) / name; ::access(path.c_str(), X_OK) == 0)
      return path;
  return std::nullopt;
}

Error failed(const fs::path& what, int code = errno) {
  return Error(ErrorCode::io, what.string() + ": " + std::generic_category().message(code));
}

Result<void> run_system_program(const std::string& name, std::vector<std::string> words) {
  const auto program = find_system_program(name);
  if (!program) return Error(ErrorCode::io, name + ": no such program; install it");
  ProcessSpec spec;
  spec.arguments = {program->string()};
  spec.arguments.insert(spec.arguments.end(), words.begin(), words.end());
  spec.environment = child_environment();
  SLIPWAY_TRY(const CapturedProcess run, run_and_capture(std::move(spec)));
  if (run.end.success()) return {};
  return Error(ErrorCode::io, name + ": " + run.end.describe() + ": " + run.output.substr(0, 500));
}

}  // namespace

DiskBound choose_disk_bound(const DiskFacts& facts) {
  return facts.may_mount && facts.loop_devices && facts.programs ? DiskBound::file_system
                                                                 : DiskBound::watched;
}

DiskFacts probe_disk() {
  const MachineFacts machine = probe_machine("/");
  DiskFacts facts;
  facts.may_mount = machine.root && machine.may_mount;
  const int control = ::open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  facts.loop_devices = control >= 0;
  if (control >= 0) ::close(control);
  facts.programs = find_system_program("mkfs.ext4") && find_system_program("mount");
  return facts;
}

Result<void> mount_build_disk(const fs::path& file, const fs::path& folder, std::uint64_t bytes) {
  if (!std::ofstream(file)) return failed(file);
  std::error_code error;
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write, error);
  if (!error) fs::resize_file(file, bytes, error);
  if (error) return failed(file, error.value());
  // Nobody reads it after a crash, so it keeps no journal; nothing is kept for root.
  SLIPWAY_CHECK(run_system_program("mkfs.ext4", {"-q", "-F", "-m", "0", "-O", "^has_journal", "-E",
                                                 "lazy_itable_init=1", file.string()}));
  fs::create_directories(folder, error);
  if (error) return failed(folder, error.value());
  if (::unshare(CLONE_NEWNS) < 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0)
    return failed("a mount namespace for the build's disk");
  SLIPWAY_CHECK(run_system_program(
      "mount", {"-t", "ext4", "-o", "loop,nodev,noatime", file.string(), folder.string()}));
  ::rmdir((folder / "lost+found").c_str());
  return {};
}

}  // namespace slipway
