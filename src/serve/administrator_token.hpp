// The token that a new server gives to whoever can read its data folder.
//
// <folder>/admin.token holds the secret and a line break, mode 0600. It is written whole. Before the
// token is made there is an empty admin.token.new, which goes when admin.token has been flushed. So
// a server that died in between finds admin.token.new and starts over, instead of being one that
// nobody can get into. Who has kept the secret elsewhere may remove the file.
//
// Thread safety: before the server answers.
#pragma once

#include <filesystem>
#include <optional>

#include <slipway/auth/token.hpp>
#include <slipway/core/result.hpp>

namespace slipway {

/// Makes a token that may do everything when the store has none, and answers where it was written;
/// nullopt when there is nothing to do. Errors: io, corrupt.
Result<std::optional<std::filesystem::path>> ensure_administrator_token(
    TokenStore& tokens, const std::filesystem::path& folder);

}  // namespace slipway
