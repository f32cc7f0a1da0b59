// Range and Content-Range: whatever is asked, what is answered lies within the bytes there are.
#include <slipway/core/byte_range.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.hpp"

using namespace slipway;

namespace {

/// No two overlap or touch, each asked range lies in one of them, and each begins where one asked
/// for begins and ends where one ends.
void expect_joined(const std::vector<ByteRange>& asked, const std::vector<ByteRange>& joined) {
  for (std::size_t i = 0; i < joined.size(); ++i)
    for (std::size_t k = 0; k < i; ++k)
      FUZZ_EXPECT(joined[i].offset > joined[k].end() || joined[k].offset > joined[i].end());
  for (const ByteRange& range : asked)
    FUZZ_EXPECT(std::any_of(joined.begin(), joined.end(), [&](const ByteRange& one) {
      return one.offset <= range.offset && range.end() <= one.end();
    }));
  for (const ByteRange& one : joined) {
    FUZZ_EXPECT(std::any_of(asked.begin(), asked.end(),
                            [&](const ByteRange& range) { return range.offset == one.offset; }));
    FUZZ_EXPECT(std::any_of(asked.begin(), asked.end(),
                            [&](const ByteRange& range) { return range.end() == one.end(); }));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(fuzz::text_of(data, size));
  std::uint64_t total = 0;
  for (int i = 0; i < 8; ++i) total = total << 8U | input.byte();
  const std::string_view text = input.rest();
  if (const auto ranges = parse_range_header(text, total); ranges && *ranges) {
    FUZZ_EXPECT(!(*ranges)->empty() && (*ranges)->size() <= max_ranges);
    for (const ByteRange& range : **ranges) {
      FUZZ_EXPECT(range.length > 0 && range.offset < total);
      FUZZ_EXPECT(range.length <= total - range.offset);
    }
    expect_joined(**ranges, join_ranges(**ranges));
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
