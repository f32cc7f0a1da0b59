// Removing a worker's folder, whatever a build left in it.
//
// Thread safety: any thread; one folder by one thread.
#pragma once

#include <filesystem>

#include <slipway/core/result.hpp>

namespace slipway {

/// Unmounts what is mounted below the folder, then removes it without following a link or entering
/// another file system. A folder that is not there is no error. Errors: io (names what is left).
Result<void> remove_worker_folder(const std::filesystem::path& folder);

}  // namespace slipway
