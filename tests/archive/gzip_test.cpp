#include "archive/gzip.hpp"

#include <string>

#include <gtest/gtest.h>

namespace slipway {
namespace {

std::string lines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "\x1b[32mstep " + std::to_string(i) + "\x1b[0m\n";
  return text;
}

TEST(Gzip, WhatWasPackedComesBackAndIsSmaller) {
  for (const std::string& text : {std::string("x"), std::string(1, '\0'), lines(20'000)}) {
    const auto packed = gzip(text);
    ASSERT_TRUE(packed.ok());
    EXPECT_EQ(packed->substr(0, 3), "\x1f\x8b\x08");  // RFC 1952 section 2.3.1
    EXPECT_EQ(packed->substr(4, 4), std::string(4, '\0')) << "no time";
    EXPECT_EQ(*gunzip(*packed, text.size()), text);
  }
  EXPECT_LT(gzip(lines(20'000))->size(), lines(20'000).size() / 4);
  EXPECT_EQ(*gzip(lines(50)), *gzip(lines(50)));
}

TEST(Gzip, WhatIsDamagedOrTooLargeIsAnError) {
  const std::string packed = *gzip(lines(1000));
  EXPECT_EQ(gunzip(packed, 100).error().code, ErrorCode::too_large);
  EXPECT_EQ(gunzip("plain text", 100).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(gunzip("", 100).error().code, ErrorCode::invalid_argument);
  for (std::size_t size = 1; size < packed.size(); size += 97)
    EXPECT_FALSE(gunzip(std::string_view(packed).substr(0, size), 100'000).ok()) << size;
}

}  // namespace
}  // namespace slipway
