// ULIDs: names of builds, uploads, triggers and tokens that sort by the time they were made.
//
// 26 characters of Crockford's base 32: 48 bits of milliseconds since 1970, then 80 random bits
// (https://github.com/ulid/spec). Within one millisecond of one process they still ascend.
//
// Thread safety: any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <slipway/core/timestamp.hpp>

namespace slipway {

inline constexpr std::size_t ulid_size = 26;

/// A new one for this moment; greater than any that this process made before.
std::string make_ulid(Timestamp now);

/// Upper-case Crockford digits, 26 of them, the first at most '7'.
bool is_ulid(std::string_view text) noexcept;

/// The moment it was made; nullopt when the text is not a ULID.
std::optional<Timestamp> ulid_time(std::string_view text) noexcept;

}  // namespace slipway
