#include <gtest/gtest.h>

#include <memory>

#include <slipway/core/hex.hpp>
#include <slipway/core/media_type.hpp>
#include <slipway/core/quantity.hpp>
#include <slipway/core/result.hpp>
#include <slipway/core/timestamp.hpp>

namespace slipway {
namespace {

using namespace std::chrono_literals;

Result<int> half(int number) {
  if (number % 2 != 0) return Error(ErrorCode::invalid_argument, "odd");
  return number / 2;
}

Result<int> quarter(int number) {
  SLIPWAY_TRY(const int once, half(number));
  SLIPWAY_TRY(const int twice, half(once));
  return twice;
}

Result<void> is_quarterable(int number) {
  SLIPWAY_CHECK(quarter(number));
  return {};
}

TEST(Result, PassesErrorsOn) {
  EXPECT_EQ(*quarter(12), 3);
  EXPECT_EQ(quarter(6).error(), Error(ErrorCode::invalid_argument, "odd"));
  EXPECT_TRUE(is_quarterable(8).ok());
  EXPECT_EQ(is_quarterable(7).error().message, "odd");
  EXPECT_EQ(quarter(6).value_or(-1), -1);
}

TEST(Result, HoldsWhatCanOnlyBeMoved) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 7);
}

TEST(ResultDeathTest, TheWrongSideEndsTheProgram) {
  EXPECT_DEATH(static_cast<void>(*half(1)), "");
  EXPECT_DEATH(static_cast<void>(half(2).error()), "");
}

TEST(Error, ContextStandsInFront) {
  const Error error = Error(ErrorCode::io, "disk is gone").in("blob").in("push");
  EXPECT_EQ(error.code, ErrorCode::io);
  EXPECT_EQ(error.message, "push: blob: disk is gone");
  EXPECT_EQ(to_string(ErrorCode::digest_mismatch), "digest_mismatch");
}

TEST(Hex, BothWays) {
  std::array<std::uint8_t, 3> bytes{};
  ASSERT_TRUE(parse_hex("00ff7a", bytes));
  EXPECT_EQ(bytes, (std::array<std::uint8_t, 3>{0x00, 0xFF, 0x7A}));
  EXPECT_EQ(to_hex(bytes), "00ff7a");
  for (const char* text : {"00ff7", "00ff7A", "00ff7g", "00ff7a0", ""}) EXPECT_FALSE(parse_hex(text, bytes));
}

TEST(MediaType, EssenceHasNoParameters) {
  EXPECT_EQ(media_type::essence(" application/json ; charset=utf-8"), "application/json");
  EXPECT_EQ(media_type::essence("application/json"), "application/json");
  EXPECT_EQ(media_type::essence(";"), "");
}

// 1,764,061,503,007 ms: `date -u -d @1764061503.007` says 2025-11-25 09:05:03.
TEST(Timestamp, Rfc3339InUtcWithMilliseconds) {
  const Timestamp time(1'764'061'503'007ms);
  EXPECT_EQ(to_rfc3339(time), "2025-11-25T09:05:03.007Z");
  EXPECT_EQ(parse_rfc3339("2025-11-25T09:05:03.007Z"), time);
  EXPECT_EQ(parse_rfc3339("2025-11-25T10:35:03.0079999+01:30"), time);
  EXPECT_EQ(parse_rfc3339("2025-11-25t04:05:03.007-05:00"), time);
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00Z"), Timestamp(0ms));
  EXPECT_EQ(to_rfc3339(Timestamp(-1ms)), "1969-12-31T23:59:59.999Z");
}

TEST(Timestamp, WhatIsNoTimeIsRefused) {
  for (const char* text :
       {"", "2025-11-25", "2025-11-25T09:05:03", "2025-13-01T00:00:00Z", "2025-02-29T00:00:00Z",
        "2025-11-25T24:00:00Z", "2025-11-25T09:05:03.Z", "2025-11-25T09:05:03Zx",
        "2025-11-25T09:05:03+0100", "25-11-2025T09:05:03Z", "2025-11-25 09:05:03Z"})
    EXPECT_EQ(parse_rfc3339(text), std::nullopt) << text;
}

TEST(Quantity, Durations) {
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("90s"), 90s);
  EXPECT_EQ(parse_duration("10m"), 10min);
  EXPECT_EQ(parse_duration("1h"), 1h);
  EXPECT_EQ(parse_duration("7d"), 168h);
  for (const char* text : {"", "1", "h", "-1s", "1.5h", "1 h", "1w", "99999999999999999999s",
                           "9223372036854775807h", "1hh"})
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  EXPECT_EQ(format_duration(3600s), "1h");
  EXPECT_EQ(format_duration(90s), "90s");
  EXPECT_EQ(format_duration(1500ms), "1500ms");
  EXPECT_EQ(format_duration(0s), "0s");
}

TEST(Quantity, ByteSizes) {
  EXPECT_EQ(parse_byte_size("512B"), 512U);
  EXPECT_EQ(parse_byte_size("64GiB"), 68'719'476'736U);
  for (const char* text : {"", "64", "64GB", "64gib", "-1B", "9999999999TiB"})
    EXPECT_EQ(parse_byte_size(text), std::nullopt) << text;
}

}  // namespace
}  // namespace slipway
