#include <slipway/support/sealer.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <span>

#include "crypto/aes_gcm.hpp"

namespace slipway {
namespace {

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return bytes;
}

template <std::size_t Size>
std::array<std::uint8_t, Size> bytes_of(std::string_view hex) {
  const std::string bytes = from_hex(hex);
  std::array<std::uint8_t, Size> out{};
  EXPECT_EQ(bytes.size(), Size);
  std::copy_n(bytes.begin(), std::min(Size, bytes.size()), out.begin());
  return out;
}

struct Vector {
  std::string_view key, nonce, associated, plain, ciphertext, tag;
};

// McGrew and Viega, "The Galois/Counter Mode of Operation", submitted to NIST, appendix B: the test
// cases 13 to 16, which are those of AES-256 with a nonce of 96 bits.
constexpr std::string_view zero_key =
    "0000000000000000000000000000000000000000000000000000000000000000";
constexpr std::string_view feff_key =
    "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
const Vector vectors[] = {
    {zero_key, "000000000000000000000000", "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {zero_key, "000000000000000000000000", "", "00000000000000000000000000000000",
     "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"},
    {feff_key, "cafebabefacedbaddecaf888", "",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
     "b094dac5d93471bdec1a502270e3cc6c"},
    {feff_key, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

TEST(AesGcm, HasTheKnownAnswers) {
  for (const Vector& v : vectors) {
    const auto key = bytes_of<32>(v.key);
    const auto nonce = bytes_of<12>(v.nonce);
    const std::string sealed = from_hex(v.ciphertext) + from_hex(v.tag);
    EXPECT_EQ(crypto::aes_256_gcm_encrypt(key, nonce, from_hex(v.associated), from_hex(v.plain)),
              sealed);
    EXPECT_EQ(crypto::aes_256_gcm_decrypt(key, nonce, from_hex(v.associated), sealed),
              from_hex(v.plain));
  }
}

TEST(AesGcm, RefusesWhatWasChanged) {
  const Vector& v = vectors[3];
  const auto key = bytes_of<32>(v.key);
  const auto nonce = bytes_of<12>(v.nonce);
  const std::string associated = from_hex(v.associated);
  const std::string sealed = from_hex(v.ciphertext) + from_hex(v.tag);
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(crypto::aes_256_gcm_decrypt(key, nonce, associated, changed)) << i;
  }
  for (std::size_t size = 0; size < sealed.size(); ++size)
    EXPECT_FALSE(crypto::aes_256_gcm_decrypt(key, nonce, associated, sealed.substr(0, size)));
  EXPECT_FALSE(crypto::aes_256_gcm_decrypt(key, nonce, associated.substr(1), sealed));
  EXPECT_FALSE(crypto::aes_256_gcm_decrypt(bytes_of<32>(zero_key), nonce, associated, sealed));
  EXPECT_FALSE(crypto::aes_256_gcm_decrypt(key, bytes_of<12>("000000000000000000000000"),
                                           associated, sealed));
}

Sealer::Key key_of(std::uint8_t byte) {
  Sealer::Key key;
  key.fill(byte);
  return key;
}

TEST(Sealer, OpensWhatItSealedForItsPurposeOnly) {
  const Sealer sealer(key_of(1));
  const std::string sealed = sealer.seal("a secret", "tg/1");
  EXPECT_EQ(sealed.size(), 3U + 1 + 12 + 8 + 16);
  EXPECT_EQ(sealed.find("secret"), std::string::npos);
  EXPECT_TRUE(Sealer::is_sealed(sealed));
  EXPECT_EQ(sealer.open(sealed, "tg/1").value(), "a secret");
  EXPECT_EQ(sealer.open(sealed, "tg/2").error().code, ErrorCode::corrupt);
  EXPECT_NE(sealer.seal("a secret", "tg/1"), sealed) << "each seal has a nonce of its own";
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 0x80);
    EXPECT_FALSE(sealer.open(changed, "tg/1").ok()) << i;
  }
}

TEST(Sealer, KnowsASealByItsForm) {
  for (const std::string& clear :
       {std::string(), std::string(32, '\0'), std::string("{\"id\":\"01J\",\"secret\":\"x\"}"),
        Sealer(key_of(1)).seal("x", "").substr(1), std::string("\0S1", 3) + std::string(29, 'x')}) {
    EXPECT_FALSE(Sealer::is_sealed(clear));
    EXPECT_EQ(Sealer(key_of(1)).open(clear, "").error().code, ErrorCode::corrupt);
  }
}

TEST(Sealer, OpensWithPreviousKeysAndSealsWithTheCurrentOne) {
  const Sealer old(key_of(1));
  const Sealer rotated(key_of(2), {key_of(1)});
  const Sealer fresh(key_of(2));
  const std::string before = old.seal("secret", "row");
  EXPECT_EQ(rotated.open(before, "row").value(), "secret");
  EXPECT_FALSE(rotated.is_current(before, "row"));
  const std::string after = rotated.seal("secret", "row");
  EXPECT_TRUE(rotated.is_current(after, "row"));
  EXPECT_EQ(fresh.open(after, "row").value(), "secret");
  const auto refused = fresh.open(before, "row");
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("its id is"), std::string::npos);
  EXPECT_FALSE(old.open(after, "row").ok());
}

TEST(Sealer, TriesEachKeyOfOneId) {
  // 256 ids among 1000 keys: some share theirs.
  std::vector<Sealer::Key> keys;
  for (std::uint16_t i = 0; i < 1000; ++i) {
    Sealer::Key key{};
    key[0] = static_cast<std::uint8_t>(i);
    key[1] = static_cast<std::uint8_t>(i >> 8U);
    keys.push_back(key);
  }
  const Sealer all(key_of(9), keys);
  for (const Sealer::Key& key : keys)
    EXPECT_EQ(all.open(Sealer(key).seal("secret", "row"), "row").value(), "secret");
}

TEST(Sealer, AnEphemeralKeyIsNobodyElses) {
  const Sealer sealer = Sealer::ephemeral();
  const std::string sealed = sealer.seal("secret", "row");
  EXPECT_EQ(sealer.open(sealed, "row").value(), "secret");
  EXPECT_FALSE(Sealer::ephemeral().open(sealed, "row").ok());
}

/// The id is one byte, the fourth of a seal: one pair of keys in 256 has the same.
TEST(Sealer, AKeyOfTheSameIdIsNotTheCurrentOne) {
  const std::string before = Sealer(key_of(1)).seal("secret", "row");
  Sealer::Key alike = key_of(2);
  for (unsigned tried = 0; Sealer(alike).seal("secret", "row")[3] != before[3]; ++tried) {
    alike[0] = static_cast<std::uint8_t>(tried);
    alike[1] = static_cast<std::uint8_t>(tried >> 8U);
  }
  const Sealer rotated(alike, {key_of(1)});
  EXPECT_FALSE(rotated.is_current(before, "row"));
  EXPECT_EQ(rotated.open(before, "row").value(), "secret");
  EXPECT_TRUE(rotated.is_current(rotated.seal("secret", "row"), "row"));
}

}  // namespace
}  // namespace slipway
