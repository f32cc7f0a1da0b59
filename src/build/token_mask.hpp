// Slipway's own tokens in what is logged: a star for each character behind the prefix, so that
// offsets stay what they are.
//
// A worker masks its log; this is for what it missed. What looks like a token is one of the prefixes
// (slp_, slpw_, slpr_) and 16 characters of tokens or more. A log comes in chunks, and is kept as it
// comes: so what may become a token with the next chunk, a prefix and any characters of tokens up to
// the chunk's end, is masked too.
//
// Thread safety: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace slipway {

/// Longer than the tokens that there are: what of a log's end must be known to go on with it.
inline constexpr std::size_t token_reach = 256;

/// The chunk with its tokens masked.
std::string mask_tokens(std::string_view chunk);

/// How much at the beginning of a chunk must be masked, and from where on, since it goes on with
/// what the log ended with.
struct MaskedHead {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// `before`: the log's last `token_reach` bytes, or all of it, as they are kept.
MaskedHead masked_head(std::string_view before, std::string_view chunk);

}  // namespace slipway
