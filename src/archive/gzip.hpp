// gzip (RFC 1952) of bytes in memory: one member. Members that stand behind each other are a gzip
// file too, of all their bytes in turn (section 2.2).
//
// The same bytes give the same member: it carries no name and no time.
//
// Thread safety: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <slipway/core/result.hpp>

namespace slipway {

/// REQUIRES: bytes are not empty. Errors: io (no memory).
Result<std::string> gzip(std::string_view bytes);

/// The bytes of one member. Errors: invalid_argument (it is none, or damaged), too_large (there are
/// more than `limit`), io (no memory).
Result<std::string> gunzip(std::string_view member, std::size_t limit);

}  // namespace slipway
