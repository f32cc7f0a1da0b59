#include "stores/backup.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <system_error>

#include <slipway/storage/open_stores.hpp>

#include "support/file.hpp"
#include "stores/data_folder.hpp"
#include "stores/object_rows.hpp"
#include "support/format.hpp"

namespace slipway {

namespace {

namespace fs = std::filesystem;

bool is_within(const fs::path& path, const fs::path& folder) {
  const auto [in_folder, in_path] =
      std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return in_folder == folder.end();
}

Error refused(const fs::path& backup, std::string_view why) {
  return Error(ErrorCode::invalid_argument,
               slipway::format("cannot back up to {}: {}; name a folder that is empty or does not "
                               "exist yet",
                               backup.native(), why));
}

/// The folder, there and empty. Errors: invalid_argument, io, quota_exceeded.
Result<fs::path> prepare(const fs::path& wanted, const fs::path& data) {
  if (!wanted.is_absolute()) return refused(wanted, "it is no absolute path");
  std::error_code error;
  const fs::path backup = fs::weakly_canonical(wanted, error);
  if (error) return files::file_error(error.value(), "find", wanted);
  if (is_within(backup, data)) return refused(backup, "it lies within the data folder");
  SLIPWAY_CHECK(make_folders(backup));
  const bool empty = fs::is_empty(backup, error);
  if (error) return files::file_error(error.value(), "list", backup);
  if (!empty) return refused(backup, "it is not empty");
  return backup;
}

Result<std::uint64_t> copy_metadata(LmdbMetadataStore& metadata, const fs::path& folder) {
  SLIPWAY_CHECK(files::make_folder(folder));
  SLIPWAY_CHECK(metadata.copy_to(folder / "data.mdb"));
  SLIPWAY_CHECK(files::sync_folder(folder));
  std::error_code error;
  const std::uint64_t size = fs::file_size(folder / "data.mdb", error);
  if (error) return files::file_error(error.value(), "examine", folder / "data.mdb");
  return size;
}

Result<void> copy_objects(MetadataStore& copied, ObjectHold& hold, const fs::path& blobs,
                          BackupProgress& progress, const BackupWatch& watch) {
  SLIPWAY_CHECK(files::make_folder(blobs));
  SLIPWAY_CHECK(for_each_object_row(copied, [&](const std::string&) -> Result<void> {
    ++progress.objects_total;
    return {};
  }));
  SLIPWAY_CHECK(for_each_object_row(copied, [&](const std::string& key) -> Result<void> {
    const auto copy = hold.copy(key, blobs);
    if (!copy && copy.error().code != ErrorCode::not_found) return copy.error();
    if (copy) {
      ++progress.objects;
      progress.object_bytes += copy->size;
      if (copy->linked) ++progress.linked;
    } else {
      ++progress.missing;
    }
    return watch ? watch(progress) : Result<void>();
  }));
  return hold.finish(blobs);
}

Result<void> write_backup_file(const fs::path& backup, const BackupProgress& progress) {
  const std::string text =
      slipway::format("{}{}\n{} objects of {} bytes\n", backup_beginning, data_format_version,
                      progress.objects, progress.object_bytes);
  const fs::path path = backup / backup_file;
  const fs::path unfinished = backup / "BACKUP.new";
  SLIPWAY_TRY(const files::Descriptor file,
              files::open_file(unfinished, O_WRONLY | O_CREAT | O_EXCL));
  std::uint64_t end = 0;
  SLIPWAY_CHECK(files::write_at(file, unfinished, end, std::as_bytes(std::span(text))));
  SLIPWAY_CHECK(files::sync_file(file, unfinished));
  SLIPWAY_CHECK(files::sync_folder(backup));  // all that the file vouches for
  SLIPWAY_CHECK(flush_names_above(backup));
  std::error_code error;
  fs::rename(unfinished, path, error);
  if (error) return files::file_error(error.value(), "rename", unfinished);
  return files::sync_folder(backup);
}

Result<BackupProgress> fill(LmdbMetadataStore& metadata, LocalObjectStore& objects,
                            const fs::path& backup, const BackupWatch& watch) {
  SLIPWAY_TRY(const std::unique_ptr<ObjectHold> hold, objects.hold());
  BackupProgress progress;
  const fs::path metadata_folder = backup / "metadata";
  SLIPWAY_TRY(progress.metadata_bytes, copy_metadata(metadata, metadata_folder));
  if (watch) SLIPWAY_CHECK(watch(progress));
  SLIPWAY_TRY(const auto copied,
              open_lmdb_metadata_store(metadata_folder, {.read_only = true}));
  SLIPWAY_CHECK(copy_objects(*copied, *hold, backup / "blobs", progress, watch));
  SLIPWAY_CHECK(write_backup_file(backup, progress));
  return progress;
}

}  // namespace

Result<BackupProgress> back_up_folder(LmdbMetadataStore& metadata, LocalObjectStore& objects,
                                      const fs::path& data, const fs::path& wanted,
                                      const BackupWatch& watch) {
  SLIPWAY_TRY(const fs::path backup, prepare(wanted, data));
  auto filled = fill(metadata, objects, backup, watch);
  if (!filled) {
    std::error_code ignored;
    for (const char* name : {"metadata", "blobs", "BACKUP.new"})
      fs::remove_all(backup / name, ignored);
  }
  return filled;
}

}  // namespace slipway
