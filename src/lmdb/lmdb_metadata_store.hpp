// The MetadataStore over LMDB: one environment of one database in one folder.
//
// Readers use pooled read transactions and never wait. Writers form groups: the first of a group
// runs all its closures in one LMDB transaction, on its own thread, and flushes once for all; see
// committer.hpp. A write is durable, and only then visible, once a journal has it: see journal.hpp,
// which also tells what opening does.
//
// The folder must be this process's alone (open_stores holds a lock): LMDB's own lock file then
// only serves the threads of this process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>
#include <slipway/support/sealer.hpp>

namespace slipway {

struct LmdbOptions {
  std::uint64_t map_size = std::uint64_t{64} << 30U;  // bytes
  unsigned max_readers = 1022;
  unsigned gather_microseconds = 25;
  /// Nothing in the folder was ever acknowledged: a file that a crash left half made, with no data
  /// in it yet, is made again.
  bool is_new = false;
  /// The folder must have a journal: without it, or a whole checkpoint in it, it is corrupt. Else it
  /// is made where it is missing, as in folders from before there were journals.
  bool has_journal = false;
  /// Writes nothing, not even a lock file: for a copy that nobody else has open. `write` is then an
  /// error.
  bool read_only = false;
  std::shared_ptr<const Sealer> sealer = nullptr;  // MetadataStore::sealer; null: an ephemeral one
};

class LmdbMetadataStore : public MetadataStore {
 public:
  /// A compacted copy of the present as a new file of mode 0600, flushed; flushes no folder. Writers
  /// go on meanwhile; what they free is used again when the copy is done. What was begun is removed
  /// after an error. Errors: already_exists, io, quota_exceeded, corrupt.
  virtual Result<void> copy_to(const std::filesystem::path& file) = 0;
};

/// The folder must exist. Errors: io, corrupt, quota_exceeded (no space).
Result<std::unique_ptr<LmdbMetadataStore>> open_lmdb_metadata_store(
    const std::filesystem::path& folder, const LmdbOptions& options = {});

}  // namespace slipway
