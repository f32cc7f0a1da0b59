// How a backup of a data folder is made while the folder is in use.
//
// From before the metadata is copied until all is done, objects that are removed stay copyable
// (ObjectHold). So every object that the copied metadata refers to can be given a name in the backup:
// it was there when the metadata was copied, and it is there, or held, since.
//
// Thread safety: any thread.
#pragma once

#include <filesystem>
#include <string_view>

#include <slipway/core/result.hpp>
#include <slipway/storage/backup.hpp>

#include "lmdb/lmdb_metadata_store.hpp"
#include "local/local_object_store.hpp"

namespace slipway {

inline constexpr std::string_view backup_file = "BACKUP";
inline constexpr std::string_view backup_beginning = "slipway backup of data format ";

/// As Stores::back_up; `data` is the data folder's path.
Result<BackupProgress> back_up_folder(LmdbMetadataStore& metadata, LocalObjectStore& objects,
                                      const std::filesystem::path& data,
                                      const std::filesystem::path& backup,
                                      const BackupWatch& watch);

}  // namespace slipway
