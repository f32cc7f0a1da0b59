#include <slipway/core/digest.hpp>

#include <gtest/gtest.h>

#include <unordered_set>

namespace slipway {
namespace {

// SHA-256 and SHA-512 of "abc": FIPS 180-4's examples.
const std::string abc256 =
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const std::string abc512 =
    "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

TEST(Digest, TextSurvivesParsing) {
  for (const std::string& text : {abc256, abc512}) {
    const auto digest = Digest::parse(text);
    ASSERT_TRUE(digest.ok()) << text;
    EXPECT_EQ(digest->to_string(), text);
    EXPECT_EQ(digest->hex(), text.substr(7));
  }
  EXPECT_EQ(Digest::parse(abc256)->hash()[0], 0xBA);
  EXPECT_EQ(Digest::parse(abc256)->hash().size(), 32U);
  EXPECT_EQ(Digest::parse(abc512)->hash().size(), 64U);
}

TEST(Digest, MalformedTextIsRefused) {
  const std::string hex = abc256.substr(7);
  for (const std::string& text :
       {std::string(), std::string("sha256"), std::string("sha256:"), hex, "sha256:" + hex + "0",
        "sha256:" + hex.substr(1), "sha256:" + std::string(64, 'A'), "sha256:" + std::string(64, 'g'),
        "sha512:" + hex, " " + abc256, abc256 + "\n", "SHA256:" + hex, "sha256: " + hex.substr(1)}) {
    EXPECT_FALSE(Digest::parse(text).ok()) << text;
  }
}

TEST(Digest, AnotherAlgorithmIsUnsupportedNotMalformed) {
  const auto digest = Digest::parse("md5:d41d8cd98f00b204e9800998ecf8427e");
  ASSERT_FALSE(digest.ok());
  EXPECT_EQ(digest.error().code, ErrorCode::unsupported);
}

TEST(Digest, MessagesAreBounded) {
  EXPECT_LT(Digest::parse("sha256:" + std::string(1'000'000, 'x')).error().message.size(), 400U);
}

TEST(Digest, BinaryFormSurvives) {
  for (const std::string& text : {abc256, abc512}) {
    const Digest digest = *Digest::parse(text);
    const auto back = Digest::from_binary(digest.to_binary());
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(*back, digest);
  }
}

TEST(Digest, MalformedBinaryIsCorrupt) {
  const std::string binary = Digest::parse(abc256)->to_binary();
  for (const std::string& bytes : {std::string(), binary.substr(1), binary + "x",
                                   binary.substr(0, 32), std::string(33, '\x07')}) {
    const auto digest = Digest::from_binary(bytes);
    ASSERT_FALSE(digest.ok());
    EXPECT_EQ(digest.error().code, ErrorCode::corrupt);
  }
}

TEST(Digest, EqualityAndHashSeparateAlgorithms) {
  const Digest short_zero = *Digest::parse("sha256:" + std::string(64, '0'));
  const Digest long_zero = *Digest::parse("sha512:" + std::string(128, '0'));
  EXPECT_NE(short_zero, long_zero);
  EXPECT_EQ((std::unordered_set<Digest>{short_zero, long_zero, short_zero}.size()), 2U);
}

}  // namespace
}  // namespace slipway
