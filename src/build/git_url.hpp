// URLs of git repositories, and which protocols a server lets users name.
//
// Protocols are what git calls them: "https", "ssh" (also `user@host:path`), "http", "git", "file"
// (also a path). Transport helpers (`ext::...`), which run commands, are none.
//
// Thread safety: pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <slipway/core/result.hpp>

namespace slipway {

/// The protocol that git would use for this URL. Errors: invalid_argument.
Result<std::string_view> git_protocol(std::string_view url);

/// Errors: invalid_argument (malformed, or a protocol that is not among `allowed`).
Result<void> check_git_url(std::string_view url, std::span<const std::string> allowed);

/// A URL of http or https without its user name and password; any other as it is.
std::string without_credentials(std::string_view url);

}  // namespace slipway
