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
#include <optional>
#include <string>
#include <string_view>

#include <slipway/core/result.hpp>

#include "support/file.hpp"

namespace slipway {

class DataFolder {
 public:
  /// Makes the folder where it is missing, and takes its lock. A folder that is refused is left as
  /// it was. Errors: conflict (in use), unsupported (another format), invalid_argument (not ours),
  /// io, quota_exceeded.
  static Result<DataFolder> open(const std::filesystem::path& folder);

  /// The same of a folder that is missing, or empty but for a key that was put there beforehand; any
  /// other is refused, ours too.
  static Result<DataFolder> open_empty(const std::filesystem::path& folder);

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  /// What FORMAT says, since it was opened or completed; nullopt where it was missing.
  [[nodiscard]] std::optional<int> format() const noexcept { return format_; }

  /// Format 2 and later.
  [[nodiscard]] bool seals_secrets() const noexcept { return format_ >= 2; }
  /// Format 3 and later.
  [[nodiscard]] bool has_journal() const noexcept { return format_ >= 3; }

  /// Nothing in the folder was ever acknowledged.
  [[nodiscard]] bool is_new() const noexcept { return !format_ && !restored_; }

  /// Until complete, FORMAT says that the folder is being made of a backup, so that nobody opens it.
  /// Errors: io, quota_exceeded.
  Result<void> begin_restore();

  /// Writes the present FORMAT where it is missing or another: all that it promises is there and
  /// flushed.
  /// Errors: io, quota_exceeded.
  Result<void> complete();

 private:
  Result<void> write_format(std::string_view text) const;

  DataFolder(std::filesystem::path path, std::optional<int> format, files::Descriptor lock)
      : path_(std::move(path)), format_(format), lock_(std::move(lock)) {}

  std::filesystem::path path_;
  std::optional<int> format_;
  bool restored_ = false;  // what is in it was acknowledged elsewhere
  files::Descriptor lock_;
};

/// Makes missing folders from the top. Errors: invalid_argument (there is a file), io,
/// quota_exceeded.
Result<void> make_folders(const std::filesystem::path& folder);

/// The folder's name, and those of the folders above that may have been made for it, are durable,
/// whoever made them: an earlier process may have been killed before it came to that. Whoever may
/// not write to a folder made nothing in it. Errors: io.
Result<void> flush_names_above(std::filesystem::path folder);

/// At most the first 256 bytes. Errors: not_found, io.
Result<std::string> read_small_file(const std::filesystem::path& path);

}  // namespace slipway
