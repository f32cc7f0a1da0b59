// The parts of a multipart/byteranges answer: RFC 9110 section 14.6.
//
// Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/byte_range.hpp>
#include <slipway/http/message.hpp>

namespace slipway {

/// The response's Content-Type.
std::string byte_ranges_type(std::string_view boundary);

/// The texts and ranges of its body, the end included, for bytes of this type of which there are
/// `size`. `boundary` must not occur in them: it is random.
std::vector<ObjectPartsBody::Part> byte_range_parts(std::span<const ByteRange> ranges,
                                                    std::string_view type, std::uint64_t size,
                                                    std::string_view boundary);

}  // namespace slipway
