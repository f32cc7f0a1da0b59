#include <fcntl.h>

#include <set>
#include <string>
#include <system_error>
#include <utility>

#include <slipway/storage/backup.hpp>
#include <slipway/storage/open_stores.hpp>

#include "support/copy_file.hpp"
#include "support/file.hpp"
#include "stores/backup.hpp"
#include "stores/data_folder.hpp"
#include "stores/folder_stores.hpp"
#include "stores/object_rows.hpp"
#include "support/format.hpp"

namespace slipway {

namespace {

namespace fs = std::filesystem;

constexpr int oldest_backup_version = 2;  // there were no backups before

/// Errors: not_found, invalid_argument, unsupported, io.
Result<void> check_backup(const fs::path& backup) {
  std::error_code error;
  if (!fs::is_directory(backup, error))
    return Error(ErrorCode::not_found,
                 slipway::format("there is no folder {}", backup.native()));
  auto text = read_small_file(backup / backup_file);
  if (!text && text.error().code == ErrorCode::not_found)
    return Error(ErrorCode::invalid_argument,
                 slipway::format("{} is no backup, or one that was interrupted: it has no {}",
                                 backup.native(), backup_file));
  if (!text) return std::move(text).error();
  for (int version = oldest_backup_version; version <= data_format_version; ++version)
    if (text->starts_with(slipway::format("{}{}\n", backup_beginning, version))) return {};
  return Error(ErrorCode::unsupported,
               slipway::format("{} is a backup of another format than {} to {}, which this program "
                               "reads; use the version of Slipway that made it",
                               backup.native(), oldest_backup_version, data_format_version));
}

class FolderRestore final : public Restore {
 public:
  FolderRestore(fs::path backup, DataFolder folder)
      : backup_(std::move(backup)), folder_(std::move(folder)) {}

  Result<void> begin(const StoreOptions& options, const BackupWatch& watch) {
    SLIPWAY_CHECK(folder_.begin_restore());
    const fs::path metadata = folder_.path() / "metadata";
    SLIPWAY_CHECK(files::make_folder(metadata));
    SLIPWAY_TRY(progress_.metadata_bytes,
                files::copy_whole_file(backup_ / "metadata/data.mdb", metadata / "data.mdb"));
    SLIPWAY_CHECK(files::sync_folder(metadata));
    if (watch) SLIPWAY_CHECK(watch(progress_));
    SLIPWAY_CHECK(copy_objects(watch));
    SLIPWAY_TRY(stores_, open_folder_stores(std::move(folder_), options));
    return {};
  }

  [[nodiscard]] Stores& stores() noexcept override { return *stores_; }
  [[nodiscard]] const BackupProgress& progress() const noexcept override { return progress_; }
  Result<void> finish() override { return stores_->complete(); }

 private:
  Result<void> copy_objects(const BackupWatch& watch) {
    const fs::path blobs = folder_.path() / "blobs";
    SLIPWAY_CHECK(files::make_folder(blobs));
    SLIPWAY_TRY(const auto copied,
                open_lmdb_metadata_store(folder_.path() / "metadata", {.read_only = true}));
    SLIPWAY_CHECK(for_each_object_row(*copied, [&](const std::string&) -> Result<void> {
      ++progress_.objects_total;
      return {};
    }));
    std::set<fs::path> folders;
    const auto copy = [&](const std::string& key) -> Result<void> {
      SLIPWAY_CHECK(copy_object(key, blobs, folders));
      return watch ? watch(progress_) : Result<void>();
    };
    SLIPWAY_CHECK(for_each_object_row(*copied, copy));
    for (const fs::path& folder : folders) SLIPWAY_CHECK(files::sync_folder(folder));
    return files::sync_folder(blobs);
  }

  Result<void> copy_object(const std::string& key, const fs::path& blobs,
                           std::set<fs::path>& folders) {
    const fs::path name = object_file(key);
    const fs::path target = blobs / name;
    if (folders.insert(target.parent_path()).second)
      SLIPWAY_CHECK(files::make_folder(target.parent_path()));
    const auto linked = files::link_or_copy(backup_ / "blobs" / name, target);
    if (!linked && linked.error().code == ErrorCode::not_found) {
      ++progress_.missing;
      return {};
    }
    if (!linked) return linked.error();
    SLIPWAY_TRY(const files::Descriptor file, files::open_file(target, O_RDONLY));
    SLIPWAY_TRY(const std::uint64_t size, files::file_size(file, target));
    ++progress_.objects;
    progress_.object_bytes += size;
    if (*linked) ++progress_.linked;
    return {};
  }

  const fs::path backup_;
  DataFolder folder_;  // moves into the stores
  BackupProgress progress_;
  std::unique_ptr<FolderStores> stores_;
};

}  // namespace

Result<std::unique_ptr<Restore>> begin_restore(const fs::path& backup, const fs::path& data,
                                               const StoreOptions& options,
                                               const BackupWatch& watch) {
  SLIPWAY_CHECK(check_backup(backup));
  SLIPWAY_TRY(DataFolder folder, DataFolder::open_empty(data));
  auto restore = std::make_unique<FolderRestore>(backup, std::move(folder));
  SLIPWAY_CHECK(restore->begin(options, watch));
  return std::unique_ptr<Restore>(std::move(restore));
}

}  // namespace slipway
