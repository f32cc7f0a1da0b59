#include <slipway/storage/open_stores.hpp>

#include <utility>

#include "support/file.hpp"
#include "storage/sealed_rows.hpp"
#include "stores/backup.hpp"
#include "stores/folder_stores.hpp"
#include "stores/secret_key.hpp"
#include "support/format.hpp"

namespace slipway {

Result<BackupProgress> FolderStores::back_up(const std::filesystem::path& backup,
                                             const BackupWatch& watch) {
  return back_up_folder(*metadata_, *objects_, folder_.path(), backup, watch);
}

namespace {

/// Nothing is written before it is known that the key fits, and nothing is sealed before the key is
/// safe. A crash in between is gone over again: each step may be repeated.
Result<void> unlock(MetadataStore& metadata, const DataFolder& data, SecretKey& key) {
  using sealed_rows::Lock;
  Lock lock = Lock::none;
  {
    SLIPWAY_TRY(const auto view, metadata.snapshot());
    auto tried = sealed_rows::try_lock(*view, metadata.sealer());
    if (!tried && tried.error().code == ErrorCode::corrupt) return key.does_not_fit(tried.error());
    SLIPWAY_TRY(lock, std::move(tried));
  }
  if (lock == Lock::none && data.seals_secrets())
    return Error(ErrorCode::corrupt, slipway::format("{}: metadata has lost the row that proves its "
                                                     "key; restore it from a backup",
                                                     data.path().native()));
  if (lock == Lock::fits) return {};
  SLIPWAY_CHECK(key.keep());
  return sealed_rows::seal_secret_rows(metadata);
}

}  // namespace

Result<std::unique_ptr<FolderStores>> open_folder_stores(DataFolder folder,
                                                         const StoreOptions& options,
                                                         std::shared_ptr<const Sealer> sealer) {
  const std::filesystem::path metadata_folder = folder.path() / "metadata";
  SLIPWAY_CHECK(files::make_folder(metadata_folder));
  SLIPWAY_TRY(auto metadata,
              open_lmdb_metadata_store(
                  metadata_folder, {.map_size = options.lmdb_map_size,
                                    .max_readers = options.lmdb_max_readers,
                                    .gather_microseconds = options.commit_gather_microseconds,
                                    .is_new = folder.is_new(),
                                    .has_journal = folder.has_journal(),
                                    .sealer = std::move(sealer)}));
  SLIPWAY_CHECK(files::sync_folder(metadata_folder));
  SLIPWAY_TRY(auto objects, open_local_object_store(folder.path()));
  return std::make_unique<FolderStores>(std::move(folder), std::move(objects),
                                        std::move(metadata));
}

Result<std::unique_ptr<Stores>> open_stores(const std::filesystem::path& folder,
                                            const StoreOptions& options) {
  SLIPWAY_TRY(DataFolder data, DataFolder::open(folder));
  SLIPWAY_TRY(SecretKey key, SecretKey::load(data, options.secrets));
  SLIPWAY_TRY(auto stores, open_folder_stores(std::move(data), options, key.sealer()));
  SLIPWAY_CHECK(unlock(stores->metadata(), stores->folder(), key));
  SLIPWAY_CHECK(stores->complete());
  return std::unique_ptr<Stores>(std::move(stores));
}

}  // namespace slipway
