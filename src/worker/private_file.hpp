// Files that only this user can read: tokens, credentials.
#pragma once

#include <filesystem>
#include <string_view>

#include <slipway/core/result.hpp>

namespace slipway {

/// Makes or replaces a file of mode 0600; it is never readable by others, not even at first.
/// Errors: io.
Result<void> write_private_file(const std::filesystem::path& path, std::string_view content);

}  // namespace slipway
