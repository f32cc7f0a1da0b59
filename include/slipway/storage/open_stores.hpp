// Opens the stores of a data folder: the embedded default is LMDB and a folder of files.
//
//   <data>/FORMAT            "slipway data folder, format 2\n"; written last when a folder is made
//   <data>/LOCK              held (flock) by the process that has the folder open
//   <data>/secret.key        32 random bytes, mode 0600: the key that secrets in metadata are sealed
//                            with; made with the folder, unless the key is configured
//   <data>/metadata/         LMDB's environment
//   <data>/blobs/            objects, <aa>/<key> by the first two characters behind the last dash
//   <data>/staging/          stages
//   <data>/quarantine/       damaged bytes, for people to look at; made when there are some
//   <data>/removed/          objects that were removed while a backup runs
//
// docs/storage.md tells what lies where, what is flushed when, and how it recovers.
//
// Thread safety: open_stores from any thread; what it returns, see each class.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include <slipway/core/result.hpp>
#include <slipway/storage/backup.hpp>
#include <slipway/storage/metadata_store.hpp>
#include <slipway/storage/object_store.hpp>
#include <slipway/support/log.hpp>

namespace slipway {

/// The format this version writes, and the oldest that it can open. Format 2 seals secrets, which
/// format 1 kept in clear; format 3 has a journal beside LMDB's file, without which that says
/// little; that of format 4 is a ring. Opening a folder of an older format makes it one of this.
inline constexpr int data_format_version = 4;
inline constexpr int oldest_data_format_version = 1;

/// Where the keys are that secrets at rest are sealed with. A key file is 32 bytes, or 64
/// hexadecimal digits and perhaps a line break.
struct SecretOptions {
  std::filesystem::path key_file;  // empty: secret.key in the folder, made with it; else it must exist
  /// Keys that were in use before: what they sealed is sealed anew when the folder is opened.
  std::vector<std::filesystem::path> previous_key_files;
};

struct StoreOptions {
  /// LMDB's map: an upper bound for the metadata's size in bytes; costs address space, not disk.
  std::uint64_t lmdb_map_size = std::uint64_t{64} << 30U;
  /// Simultaneous snapshots.
  unsigned lmdb_max_readers = 1022;
  /// How long the committer lets its queue grow while it still does, in microseconds.
  unsigned commit_gather_microseconds = 25;
  SecretOptions secrets;
};

/// Both stores and the lock on their folder; closing order is the reverse of the members'.
class Stores {
 public:
  virtual ~Stores() = default;
  [[nodiscard]] virtual MetadataStore& metadata() noexcept = 0;
  [[nodiscard]] virtual ObjectStore& objects() noexcept = 0;

  /// Makes a backup (backup.hpp) while everything goes on: the metadata as it was at one moment after
  /// the call, and every object that it refers to, though blobs are removed meanwhile. `backup` is an
  /// absolute path outside the data folder, of a folder that is empty or not there yet; an interrupted
  /// one is left as it is, without BACKUP. Errors: unsupported (not on disk), invalid_argument
  /// (`backup`), io, quota_exceeded, those of `watch`.
  virtual Result<BackupProgress> back_up(const std::filesystem::path& backup,
                                         const BackupWatch& watch = {}) = 0;
};

/// Makes the folder where it is missing or empty. A folder that is not ours, is of another format,
/// is in use or does not open with the key is left untouched.
/// Errors: denied (the key is missing, malformed or another one: which file), conflict (in use by another process; the message names it where it can be found),
/// unsupported (another format: which, and what to do), invalid_argument (not empty and not a
/// Slipway folder), io.
Result<std::unique_ptr<Stores>> open_stores(const std::filesystem::path& folder,
                                            const StoreOptions& options = {});

/// Both in memory: gone with the object.
std::unique_ptr<Stores> make_memory_stores();

}  // namespace slipway
