// FolderStores: the stores of a data folder, LMDB and files.
//
// Thread safety: as Stores.
#pragma once

#include <filesystem>
#include <memory>

#include <slipway/storage/open_stores.hpp>
#include <slipway/support/sealer.hpp>

#include "lmdb/lmdb_metadata_store.hpp"
#include "local/local_object_store.hpp"
#include "stores/data_folder.hpp"

namespace slipway {

class FolderStores final : public Stores {
 public:
  FolderStores(DataFolder folder, std::unique_ptr<LocalObjectStore> objects,
               std::unique_ptr<LmdbMetadataStore> metadata)
      : folder_(std::move(folder)), objects_(std::move(objects)), metadata_(std::move(metadata)) {}

  [[nodiscard]] MetadataStore& metadata() noexcept override { return *metadata_; }
  [[nodiscard]] ObjectStore& objects() noexcept override { return *objects_; }
  Result<BackupProgress> back_up(const std::filesystem::path& backup,
                                 const BackupWatch& watch) override;

  [[nodiscard]] const DataFolder& folder() const noexcept { return folder_; }
  /// As DataFolder::complete.
  Result<void> complete() { return folder_.complete(); }

 private:
  DataFolder folder_;  // last to go: it holds the lock
  const std::unique_ptr<LocalObjectStore> objects_;
  const std::unique_ptr<LmdbMetadataStore> metadata_;
};

/// Opens or makes what is in the folder, but leaves FORMAT to the caller, and whether the sealer's
/// keys fit; null: what is sealed stays so. Errors: as open_stores.
Result<std::unique_ptr<FolderStores>> open_folder_stores(
    DataFolder folder, const StoreOptions& options,
    std::shared_ptr<const Sealer> sealer = nullptr);

}  // namespace slipway
