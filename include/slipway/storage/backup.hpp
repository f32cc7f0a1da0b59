// Backups of a data folder, and data folders made of them.
//
//   <backup>/BACKUP               "slipway backup of data format 1\n", then what is in it; written
//                                 last, so a folder without it is no backup
//   <backup>/metadata/data.mdb    a compacted copy of the metadata as it was at one moment
//   <backup>/blobs/<aa>/<key>     the objects that it refers to
//
// An object's file has two names where the file system can do that (a hard link), which costs no room
// and no time; else it is copied. So a second backup into another folder of the same file system
// costs its metadata only. Linked files share their bytes with the data folder: such a backup is good
// against what people and programs do, not against a disk that fails.
//
// Not in a backup: uploads that have not ended, what is in quarantine, admin.token, and files of keys
// that lie beside the data. The metadata holds hashes of tokens and keys that sign: mode 0600.
//
// Thread safety: see each.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include <slipway/core/result.hpp>

namespace slipway {

class Stores;
struct StoreOptions;

/// How far a backup or a restore has come, and in the end what it is.
struct BackupProgress {
  std::uint64_t metadata_bytes = 0;
  std::uint64_t objects = 0;        // that are in it
  std::uint64_t objects_total = 0;  // that belong in it
  std::uint64_t object_bytes = 0;
  std::uint64_t linked = 0;   // of the objects, that share their file
  std::uint64_t missing = 0;  // of the objects, that were not there: the store was damaged before
};

/// Told after each step; an error ends the work.
using BackupWatch = std::function<Result<void>(const BackupProgress&)>;

/// A data folder on its way: its stores are open and have all that the backup has, but nobody has
/// looked at the bytes, and nothing else would open the folder. Thread safety: one thread.
class Restore {
 public:
  virtual ~Restore() = default;
  [[nodiscard]] virtual Stores& stores() noexcept = 0;
  [[nodiscard]] virtual const BackupProgress& progress() const noexcept = 0;

  /// The folder is a data folder from now on, durably. Errors: io, quota_exceeded.
  virtual Result<void> finish() = 0;
};

/// Makes a data folder of a backup, which is only read. Where it is interrupted, `data` stays a folder
/// that is refused with advice. Errors: not_found (no such folder), invalid_argument (no backup, or
/// an unfinished one; `data` is not empty), unsupported (of another format), conflict (`data` is in
/// use), io, quota_exceeded, those of `watch`.
Result<std::unique_ptr<Restore>> begin_restore(const std::filesystem::path& backup,
                                               const std::filesystem::path& data,
                                               const StoreOptions& options,
                                               const BackupWatch& watch);

}  // namespace slipway
