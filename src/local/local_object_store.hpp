// The ObjectStore over a folder of files.
//
//   <folder>/staging/<name>      stages, grown by pwrite
//   <folder>/blobs/<aa>/<key>    objects; <aa> is the key's first two characters behind its last
//                                dash, filled up with "_", a dot being "_" too
//   <folder>/quarantine/<name>   what was set aside; made when there is something
//   <folder>/removed/<key>       objects that were removed while a backup runs
//
// Publishing flushes the file, renames it, and flushes the folder it is in; the first time that a
// process uses a folder <aa>, it flushes blobs/ too. Staging and removing flush nothing: a power cut
// may forget the former and undo the latter.
//
// The folder must be this process's alone.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include <slipway/core/result.hpp>
#include <slipway/storage/object_store.hpp>

namespace slipway {

/// Where an object's file is below the folder of objects: "ab/sha256-ab…".
std::filesystem::path object_file(std::string_view key);

/// While one is there, an object that existed at its making can be copied, though it is removed
/// meanwhile. Thread safety: one thread at a time.
class ObjectHold {
 public:
  virtual ~ObjectHold() = default;

  struct Copy {
    bool linked = false;  // the file has a second name; nothing was copied
    std::uint64_t size = 0;
  };
  /// Gives the object's file a name in the same place below another `blobs` folder. Flushes the
  /// bytes; folders are flushed by finish. Errors: not_found, already_exists, io, quota_exceeded.
  virtual Result<Copy> copy(std::string_view key, const std::filesystem::path& blobs) = 0;

  /// Flushes the folders that were copied into. Errors: io.
  virtual Result<void> finish(const std::filesystem::path& blobs) = 0;
};

class LocalObjectStore : public ObjectStore {
 public:
  /// Errors: io.
  virtual Result<std::unique_ptr<ObjectHold>> hold() = 0;
};

/// The folder must exist; makes and flushes the two folders in it. Errors: io, quota_exceeded.
Result<std::unique_ptr<LocalObjectStore>> open_local_object_store(
    const std::filesystem::path& folder);

}  // namespace slipway
