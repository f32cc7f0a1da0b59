// The ObjectStore over a folder of files.
//
//   <folder>/staging/<name>      stages, grown by pwrite
//   <folder>/blobs/<aa>/<key>    objects; <aa> is the key's first two characters behind its last
//                                dash, filled up with "_", a dot being "_" too
//
// Publishing flushes the file, renames it without replacing another, and flushes the folder it is
// in; the first time that a process uses a folder <aa>, it flushes blobs/ too. Staging and removing
// flush nothing: a power cut may forget the former and undo the latter.
//
// The folder must be this process's alone.
#pragma once

#include <filesystem>
#include <memory>

#include <slipway/core/result.hpp>
#include <slipway/storage/object_store.hpp>

namespace slipway {

/// The folder must exist; makes and flushes the two folders in it. Errors: io, quota_exceeded.
Result<std::unique_ptr<ObjectStore>> open_local_object_store(const std::filesystem::path& folder);

}  // namespace slipway
