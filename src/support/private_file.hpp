// Files that only this user can read: tokens, keys, credentials.
//
// They are never readable by others, not even at first, and never written through a link.
//
// Thread safety: any thread; one path by one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include <slipway/core/result.hpp>

namespace slipway {

/// Whether what was written survives a power cut.
enum class Flush : std::uint8_t { no, yes };

/// Makes a file of mode 0600, in place of what has that name. The folder is not flushed.
/// Errors: quota_exceeded, unavailable (too many open files), io.
Result<void> write_private_file(const std::filesystem::path& path, std::string_view content,
                                Flush flush = Flush::no);

/// The same as a whole: `path` has what it had before, or all of `content`. `draft` is a name in the
/// same folder for the time in between, and may be there still after an error or a crash. Flushes
/// the folder, too. Errors: as write_private_file.
Result<void> replace_private_file(const std::filesystem::path& path,
                                  const std::filesystem::path& draft, std::string_view content,
                                  Flush flush);

}  // namespace slipway
