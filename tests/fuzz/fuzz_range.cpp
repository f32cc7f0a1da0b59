// Range and Content-Range: whatever is asked, what is answered lies within the bytes there are.
#include <slipway/core/byte_range.hpp>

#include <string>

#include "tests/fuzz/fuzz.hpp"

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(fuzz::text_of(data, size));
  std::uint64_t total = 0;
  for (int i = 0; i < 8; ++i) total = total << 8U | input.byte();
  const std::string_view text = input.rest();
  if (const auto ranges = parse_range_header(text, total); ranges && *ranges) {
    FUZZ_EXPECT(!(*ranges)->empty() && (*ranges)->size() <= 16);
    for (const ByteRange& range : **ranges) {
      FUZZ_EXPECT(range.length > 0 && range.offset < total);
      FUZZ_EXPECT(range.length <= total - range.offset);
    }
  }
  if (const auto range = parse_upload_range(text)) {
    FUZZ_EXPECT(range->length > 0);
    const std::string again = std::to_string(range->offset) + "-" +
                              std::to_string(range->offset + (range->length - 1));
    const auto parsed = parse_upload_range(again);
    FUZZ_EXPECT(parsed.ok() && *parsed == *range);
  }
  return 0;
}
