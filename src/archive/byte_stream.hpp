// Streams of bytes that are pulled or pushed, without saying from where or to where.
//
// Thread safety: what the functions allow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include <slipway/core/result.hpp>

namespace slipway {

/// Fills the span and answers how many bytes; 0 ends.
using ByteSource = std::function<Result<std::size_t>(std::span<std::byte>)>;

/// Passes over at most so many of a source's next bytes and answers how many, perhaps none.
using ByteSkip = std::function<Result<std::uint64_t>(std::uint64_t)>;

/// Takes bytes; an error ends the whole with it.
using ByteSink = std::function<Result<void>(std::span<const std::byte>)>;

}  // namespace slipway
