#include "serve/restore.hpp"

#include <slipway/storage/blob_store.hpp>
#include <slipway/storage/open_stores.hpp>

namespace slipway {

Result<RestoreReport> restore(const std::filesystem::path& backup,
                              const std::filesystem::path& data, OperationRun& run) {
  const auto watch = [&run](const BackupProgress& progress) -> Result<void> {
    run.count("objects", progress.objects, progress.objects_total);
    run.count("object_bytes", progress.object_bytes);
    return run.check();
  };
  SLIPWAY_TRY(const auto restore, begin_restore(backup, data, StoreOptions(), watch));
  Stores& stores = restore->stores();
  BlobStore blobs(stores.metadata(), stores.objects(), Clock::system());
  const ScrubParts parts{blobs, Clock::system(), Log::none(), Metrics::none()};
  RestoreReport report;
  SLIPWAY_TRY(report.scrub, scrub(parts, ScrubOptions(), run));
  report.copied = restore->progress();
  SLIPWAY_CHECK(restore->finish());
  return report;
}

}  // namespace slipway
