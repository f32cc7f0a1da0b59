#include <slipway/storage/open_stores.hpp>

#include <utility>

#include "lmdb/lmdb_metadata_store.hpp"
#include "local/file.hpp"
#include "local/local_object_store.hpp"
#include "stores/data_folder.hpp"

namespace slipway {

namespace {

class FolderStores final : public Stores {
 public:
  FolderStores(DataFolder folder, std::unique_ptr<ObjectStore> objects,
               std::unique_ptr<MetadataStore> metadata)
      : folder_(std::move(folder)), objects_(std::move(objects)), metadata_(std::move(metadata)) {}

  [[nodiscard]] MetadataStore& metadata() noexcept override { return *metadata_; }
  [[nodiscard]] ObjectStore& objects() noexcept override { return *objects_; }

 private:
  const DataFolder folder_;  // last to go: it holds the lock
  const std::unique_ptr<ObjectStore> objects_;
  const std::unique_ptr<MetadataStore> metadata_;
};

}  // namespace

Result<std::unique_ptr<Stores>> open_stores(const std::filesystem::path& folder,
                                            const StoreOptions& options) {
  SLIPWAY_TRY(DataFolder data, DataFolder::open(folder));
  const std::filesystem::path metadata_folder = data.path() / "metadata";
  SLIPWAY_CHECK(local::make_folder(metadata_folder));
  SLIPWAY_TRY(auto metadata,
              open_lmdb_metadata_store(
                  metadata_folder, {.map_size = options.lmdb_map_size,
                                    .max_readers = options.lmdb_max_readers,
                                    .gather_microseconds = options.commit_gather_microseconds,
                                    .is_new = data.is_new()}));
  SLIPWAY_CHECK(local::sync_folder(metadata_folder));
  SLIPWAY_TRY(auto objects, open_local_object_store(data.path()));
  SLIPWAY_CHECK(data.complete());
  return std::unique_ptr<Stores>(
      std::make_unique<FolderStores>(std::move(data), std::move(objects), std::move(metadata)));
}

}  // namespace slipway
