// DataFolder: a folder that is Slipway's, and this process's alone.
//
// FORMAT says that it is ours and of which format; it is written last when a folder is made, so a
// folder without one is new, or its making was interrupted, or it is somebody else's. LOCK is held
// with flock, which the system releases when the process ends, however it ends; it has the
// process's id in it, for messages.
//
// Thread safety: plain values; the lock is held until the DataFolder goes.
#pragma once

#include <filesystem>

#include <slipway/core/result.hpp>

#include "local/file.hpp"

namespace slipway {

class DataFolder {
 public:
  /// Makes the folder where it is missing, and takes its lock. A folder that is refused is left as
  /// it was. Errors: conflict (in use), unsupported (another format), invalid_argument (not ours),
  /// io, quota_exceeded.
  static Result<DataFolder> open(const std::filesystem::path& folder);

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  /// FORMAT was missing when it was opened: nothing in it was ever acknowledged.
  [[nodiscard]] bool is_new() const noexcept { return is_new_; }

  /// Writes FORMAT where it is missing: all that it promises is there and flushed.
  /// Errors: io, quota_exceeded.
  Result<void> complete();

 private:
  DataFolder(std::filesystem::path path, local::Descriptor lock, bool is_new)
      : path_(std::move(path)), lock_(std::move(lock)), is_new_(is_new) {}

  std::filesystem::path path_;
  local::Descriptor lock_;
  bool is_new_;
};

}  // namespace slipway
