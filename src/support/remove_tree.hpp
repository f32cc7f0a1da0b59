// Removing a folder, whatever a build left in it.
//
// Thread safety: any thread; one folder by one thread.
#pragma once

#include <filesystem>

#include <slipway/core/result.hpp>

namespace slipway {

/// Unmounts what is mounted below the folder, then removes it without following a link or entering
/// another file system. A folder that is not there is no error. Errors: io (names what is left).
Result<void> remove_tree(const std::filesystem::path& folder);

}  // namespace slipway
