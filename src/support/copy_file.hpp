// Giving a file's bytes a second name: the same file where the file system can, else a copy.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <filesystem>

#include <slipway/core/result.hpp>

namespace slipway::files {

/// A hard link, which shares the bytes and costs none; where that cannot be (another file system, too
/// many links, somebody else's file), a copy, flushed and mode 0600. Flushes no folder. True: linked.
/// Errors: not_found (`from`), already_exists (`to`), quota_exceeded, io.
Result<bool> link_or_copy(const std::filesystem::path& from, const std::filesystem::path& to);

/// A copy, flushed and mode 0600, that shares its blocks where the file system can. Flushes no
/// folder; what was begun is removed after an error. Answers the bytes. Errors: as link_or_copy.
Result<std::uint64_t> copy_whole_file(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace slipway::files
