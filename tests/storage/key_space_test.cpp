// Keys are what lies on disk: their bytes are written out here.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "storage/key_space.hpp"
#include "storage/limits.hpp"

namespace slipway::test {
namespace {

using key_space::Key;

Digest sha256_of_byte(std::uint8_t byte) {
  const std::vector<std::uint8_t> hash(32, byte);
  return Digest(DigestAlgorithm::sha256, hash);
}

TEST(KeySpace, PartsFollowThePrefix) {
  EXPECT_EQ(Key("rt").text("app/web").text("v1").str(), std::string("rt" "app/web\0" "v1\0", 13));
  EXPECT_EQ(Key("bl").digest(sha256_of_byte(0xab)).str(), "bl\x01" + std::string(32, '\xab'));
  EXPECT_EQ(Key("lc").number(0x0102030405060708).str(), "lc\x01\x02\x03\x04\x05\x06\x07\x08");
}

TEST(KeySpace, NumbersAreReadAsTheyWereWritten) {
  for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{255}, UINT64_MAX}) {
    const Key key = Key("xx").number(number);
    EXPECT_EQ(key_space::read_number(key, 2), number);
  }
}

TEST(KeySpace, ACopyHasBytesOfItsOwn) {
  Key key = Key("rp").text("a");
  Key copy = key;
  key.text("b");
  EXPECT_EQ(copy.str(), std::string("rpa\0", 4));
  copy = key;
  EXPECT_EQ(copy.str(), std::string("rpa\0b\0", 6));
}

TEST(KeySpace, TheLongestKeyIsTakenAndALongerOneRefused) {
  const Key longest = Key("qx").text(std::string(max_key_size - 3, 'r'));
  EXPECT_EQ(longest.size(), max_key_size);
  EXPECT_TRUE(check_key(longest).ok());
  for (const std::size_t more : {1, 2, 1000}) {
    const Key longer = Key("qx").text(std::string(max_key_size - 3 + more, 'r'));
    EXPECT_FALSE(check_key(longer).ok()) << more;
  }
}

}  // namespace
}  // namespace slipway::test
