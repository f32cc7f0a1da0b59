#include <slipway/support/hasher.hpp>

#include <gtest/gtest.h>

#include <set>

#include <slipway/core/hex.hpp>

namespace slipway {
namespace {

// FIPS 180-4's examples, as NIST publishes them ("SHA256.pdf", "SHA512.pdf").
constexpr std::string_view empty256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view abc256 =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr std::string_view abc512 =
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
constexpr std::string_view million_a256 =
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Hasher, KnownDigests) {
  EXPECT_EQ(digest_of("").hex(), empty256);
  EXPECT_EQ(digest_of("abc").hex(), abc256);
  EXPECT_EQ(digest_of("abc", DigestAlgorithm::sha512).hex(), abc512);
  EXPECT_EQ(digest_of(std::string(1'000'000, 'a')).hex(), million_a256);
}

TEST(Hasher, PiecesMakeTheSameDigest) {
  Hasher hasher;
  for (int i = 0; i < 1000; ++i) hasher.update(std::string(1000, 'a'));
  EXPECT_EQ(hasher.finish().hex(), million_a256);
}

TEST(Hasher, StartsAnewAfterFinishing) {
  Hasher hasher(DigestAlgorithm::sha512);
  hasher.update("something else");
  static_cast<void>(hasher.finish());
  hasher.update("abc");
  EXPECT_EQ(hasher.finish().hex(), abc512);
}

// RFC 4231 sections 4.2, 4.3 and 4.7, and the example of GitHub's "Validating webhook deliveries".
TEST(HmacSha256, KnownCodes) {
  EXPECT_EQ(to_hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(to_hex(hmac_sha256(std::string(131, '\xaa'),
                               "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(to_hex(hmac_sha256("It's a Secret to Everybody", "Hello, World!")),
            "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
}

// The code of nothing under nothing, as Python's hmac module computes it.
TEST(HmacSha256, AnEmptyKeyIsAKeyAndNotTheOneBefore) {
  static_cast<void>(hmac_sha256("another", "message"));
  for (const std::string_view nothing : {std::string_view(), std::string_view("")})
    EXPECT_EQ(to_hex(hmac_sha256(nothing, nothing)),
              "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(EqualInConstantTime, IsEquality) {
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_TRUE(equal_in_constant_time("secret", "secret"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secreT"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secret2"));
}

TEST(Random, TextsDiffer) {
  std::set<std::string> texts;
  for (int i = 0; i < 100; ++i) texts.insert(random_hex(16));
  EXPECT_EQ(texts.size(), 100U);
  EXPECT_EQ(texts.begin()->size(), 32U);
}

// RFC 4648 section 10.
TEST(Base64, KnownTexts) {
  const std::pair<std::string_view, std::string_view> vectors[] = {
      {"", ""},         {"f", "Zg=="},         {"fo", "Zm8="},        {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(base64_encode(bytes), text);
    std::string back;
    EXPECT_TRUE(base64_decode(text, back)) << text;
    EXPECT_EQ(back, bytes);
  }
}

TEST(Base64, UrlSafeHasOtherDigitsAndNoPadding) {
  const std::string bytes("\xfb\xff\xfe", 3);
  EXPECT_EQ(base64_encode(bytes), "+//+");
  EXPECT_EQ(base64url_encode(bytes), "-__-");
  EXPECT_EQ(base64url_encode("fo"), "Zm8");
  std::string back;
  EXPECT_TRUE(base64url_decode("-__-", back));
  EXPECT_EQ(back, bytes);
  EXPECT_TRUE(base64url_decode("Zm8", back));
  EXPECT_EQ(back, "fo");
}

TEST(Base64, EachValueHasOneText) {
  std::string out;
  for (const char* text : {"Zg", "Zg=", "Zh==", "Z===", "Zm9v=", "Zm9v\n", "-__-", "Zm 9", "===="})
    EXPECT_FALSE(base64_decode(text, out)) << text;
  for (const char* text : {"Z", "Zg==", "Zh", "+//+"}) EXPECT_FALSE(base64url_decode(text, out)) << text;
}

}  // namespace
}  // namespace slipway
