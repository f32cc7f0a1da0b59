#include "http/byte_range_parts.hpp"

#include "support/format.hpp"

namespace slipway {

std::string byte_ranges_type(std::string_view boundary) {
  return slipway::format("multipart/byteranges; boundary={}", boundary);
}

std::vector<ObjectPartsBody::Part> byte_range_parts(std::span<const ByteRange> ranges,
                                                    std::string_view type, std::uint64_t size,
                                                    std::string_view boundary) {
  std::vector<ObjectPartsBody::Part> parts;
  parts.reserve(ranges.size() + 1);
  for (const ByteRange& range : ranges)
    parts.push_back({slipway::format("{}--{}\r\nContent-Type: {}\r\n"
                                     "Content-Range: bytes {}-{}/{}\r\n\r\n",
                                     parts.empty() ? "" : "\r\n", boundary, type, range.offset,
                                     range.end() - 1, size),
                     range});
  parts.push_back({slipway::format("\r\n--{}--\r\n", boundary), {}});
  return parts;
}

}  // namespace slipway
