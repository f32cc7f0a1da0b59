#include <slipway/storage/open_stores.hpp>

#include <utility>

#include "local/file.hpp"
#include "stores/backup.hpp"
#include "stores/folder_stores.hpp"

namespace slipway {

Result<BackupProgress> FolderStores::back_up(const std::filesystem::path& backup,
                                             const BackupWatch& watch) {
  return back_up_folder(*metadata_, *objects_, folder_.path(), backup, watch);
}

Result<std::unique_ptr<FolderStores>> open_folder_stores(DataFolder folder,
                                                         const StoreOptions& options) {
  const std::filesystem::path metadata_folder = folder.path() / "metadata";
  SLIPWAY_CHECK(local::make_folder(metadata_folder));
  SLIPWAY_TRY(auto metadata,
              open_lmdb_metadata_store(
                  metadata_folder, {.map_size = options.lmdb_map_size,
                                    .max_readers = options.lmdb_max_readers,
                                    .gather_microseconds = options.commit_gather_microseconds,
                                    .is_new = folder.is_new()}));
  SLIPWAY_CHECK(local::sync_folder(metadata_folder));
  SLIPWAY_TRY(auto objects, open_local_object_store(folder.path()));
  return std::make_unique<FolderStores>(std::move(folder), std::move(objects),
                                        std::move(metadata));
}

Result<std::unique_ptr<Stores>> open_stores(const std::filesystem::path& folder,
                                            const StoreOptions& options) {
  SLIPWAY_TRY(DataFolder data, DataFolder::open(folder));
  SLIPWAY_TRY(auto stores, open_folder_stores(std::move(data), options));
  SLIPWAY_CHECK(stores->complete());
  return std::unique_ptr<Stores>(std::move(stores));
}

}  // namespace slipway
