// Restore: a data folder made of a backup, with every digest checked.
//
// Thread safety: any thread.
#pragma once

#include <filesystem>

#include <slipway/core/result.hpp>
#include <slipway/registry/maintenance.hpp>
#include <slipway/registry/scrub.hpp>
#include <slipway/storage/backup.hpp>

namespace slipway {

struct RestoreReport {
  BackupProgress copied;
  /// What a scrub found; what is damaged is in the new folder's quarantine, so that it serves all
  /// the rest, and pushing the damaged blobs again heals it.
  ScrubReport scrub;
};

/// Errors: as begin_restore and scrub; the folder is then refused by whoever opens it.
Result<RestoreReport> restore(const std::filesystem::path& backup,
                              const std::filesystem::path& data, OperationRun& run);

}  // namespace slipway
