#include <slipway/core/byte_range.hpp>

#include <gtest/gtest.h>

namespace slipway {
namespace {

using Ranges = std::vector<ByteRange>;

Ranges satisfied(std::string_view header, std::uint64_t size) {
  const auto ranges = parse_range_header(header, size);
  EXPECT_TRUE(ranges.ok()) << header;
  EXPECT_TRUE(ranges.ok() && ranges->has_value()) << header;
  return ranges.ok() && *ranges ? **ranges : Ranges();
}

// The examples of RFC 9110 section 14.1.2, of a representation of 10,000 bytes.
TEST(RangeHeader, ExamplesOfTheRfc) {
  EXPECT_EQ(satisfied("bytes=0-499", 10'000), (Ranges{{0, 500}}));
  EXPECT_EQ(satisfied("bytes=500-999", 10'000), (Ranges{{500, 500}}));
  EXPECT_EQ(satisfied("bytes=-500", 10'000), (Ranges{{9500, 500}}));
  EXPECT_EQ(satisfied("bytes=9500-", 10'000), (Ranges{{9500, 500}}));
  EXPECT_EQ(satisfied("bytes=0-0,-1", 10'000), (Ranges{{0, 1}, {9999, 1}}));
  EXPECT_EQ(satisfied("bytes= 0-999, 4500-5499, -1000", 10'000),
            (Ranges{{0, 1000}, {4500, 1000}, {9000, 1000}}));
}

TEST(RangeHeader, WhatReachesBehindTheEndIsCut) {
  EXPECT_EQ(satisfied("bytes=5-100", 10), (Ranges{{5, 5}}));
  EXPECT_EQ(satisfied("bytes=-100", 10), (Ranges{{0, 10}}));
  EXPECT_EQ(satisfied("bytes=9-18446744073709551615", 10), (Ranges{{9, 1}}));
  EXPECT_EQ(satisfied("bytes=20-30,0-1", 10), (Ranges{{0, 2}}));
}

TEST(RangeHeader, NothingWithinIsRangeMismatch) {
  for (const char* header : {"bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99-100,50-",
                             "bytes=5-2"}) {
    const auto ranges = parse_range_header(header, 10);
    ASSERT_FALSE(ranges.ok()) << header;
    EXPECT_EQ(ranges.error().code, ErrorCode::range_mismatch);
  }
  EXPECT_FALSE(parse_range_header("bytes=0-0", 0).ok());
}

TEST(RangeHeader, WhatIsNotUnderstoodIsIgnored) {
  for (const char* header : {"", "bytes", "bytes=", "bytes=,", "items=0-1", "bytes=a-b",
                             "bytes=1", "bytes=-", "bytes=0-1x", "bytes=+1-2",
                             "bytes=99999999999999999999-", "bytes 0-1"}) {
    const auto ranges = parse_range_header(header, 10);
    ASSERT_TRUE(ranges.ok()) << header;
    EXPECT_FALSE(ranges->has_value()) << header;
  }
}

TEST(RangeHeader, ManyRangesAreIgnored) {
  std::string header = "bytes=0-0";
  for (int i = 1; i < 128; ++i) header += ",0-0";
  EXPECT_EQ(satisfied(header, 10).size(), 128U);
  EXPECT_FALSE(parse_range_header(header + ",0-0", 10)->has_value());
}

TEST(RangeHeader, TheUnitComparesWithoutRegardToCase) {
  EXPECT_EQ(satisfied("Bytes=0-1", 10), (Ranges{{0, 2}}));
  EXPECT_EQ(satisfied("BYTES=0-1", 10), (Ranges{{0, 2}}));
}

TEST(JoinRanges, WhatOverlapsOrTouchesBecomesOne) {
  EXPECT_EQ(join_ranges({{0, 10}}), (Ranges{{0, 10}}));
  EXPECT_EQ(join_ranges({{0, 10}, {10, 5}}), (Ranges{{0, 15}}));
  EXPECT_EQ(join_ranges({{0, 10}, {2, 3}}), (Ranges{{0, 10}}));
  EXPECT_EQ(join_ranges({{0, 10}, {11, 5}}), (Ranges{{0, 10}, {11, 5}}));
  EXPECT_EQ(join_ranges({{0, 10}, {0, 10}, {0, 10}}), (Ranges{{0, 10}}));
  EXPECT_EQ(join_ranges({{8, 4}, {0, 4}, {4, 4}}), (Ranges{{0, 12}}));
  EXPECT_EQ(join_ranges({}), Ranges());
}

TEST(JoinRanges, TheOrderAskedStays) {
  EXPECT_EQ(join_ranges({{50, 10}, {0, 10}, {100, 10}}), (Ranges{{50, 10}, {0, 10}, {100, 10}}));
  // The first that was asked of a joined range gives its place.
  EXPECT_EQ(join_ranges({{90, 10}, {0, 5}, {95, 10}}), (Ranges{{90, 15}, {0, 5}}));
  EXPECT_EQ(join_ranges({{0, 5}, {95, 10}, {90, 10}}), (Ranges{{0, 5}, {90, 15}}));
}

TEST(UploadRange, IsInclusiveAndWithoutAUnit) {
  EXPECT_EQ(*parse_upload_range("0-99"), (ByteRange{0, 100}));
  EXPECT_EQ(*parse_upload_range("100-100"), (ByteRange{100, 1}));
  for (const char* text : {"", "-", "0-", "-5", "5-4", "bytes 0-99", "bytes=0-99", "0-99/100", "a-b",
                           " 0-99", "0-18446744073709551615"}) {
    const auto range = parse_upload_range(text);
    ASSERT_FALSE(range.ok()) << text;
    EXPECT_EQ(range.error().code, ErrorCode::invalid_argument);
  }
}

}  // namespace
}  // namespace slipway
