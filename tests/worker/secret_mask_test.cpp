#include "worker/secret_mask.hpp"

#include <gtest/gtest.h>

#include <slipway/support/hasher.hpp>

#include <random>

namespace slipway {
namespace {

class Masked {
 public:
  explicit Masked(std::initializer_list<std::string_view> secrets) {
    for (std::string_view secret : secrets) mask.add(secret);
  }
  Masked& add(std::string_view bytes) {
    mask.append(bytes, [this](std::string_view safe) { out.append(safe); });
    return *this;
  }
  std::string end() {
    mask.flush([this](std::string_view safe) { out.append(safe); });
    return out;
  }

  SecretMask mask;
  std::string out;
};

TEST(SecretMask, ReplacesASecretHoweverTheStreamIsCut) {
  const std::string text = "token=hunter2-hunter2; again hunter2-hunter2\nhunter2-hunte\n";
  const std::string expected = "token=***; again ***\nhunter2-hunte\n";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    Masked masked({"hunter2-hunter2"});
    for (std::size_t at = 0; at < text.size(); at += piece) masked.add(text.substr(at, piece));
    EXPECT_EQ(masked.end(), expected) << "in pieces of " << piece;
  }
}

TEST(SecretMask, HoldsBackOnlyWhatMayBecomeASecret) {
  Masked masked({"hunter2"});
  masked.add("all of this is shown: hunt");
  EXPECT_EQ(masked.out, "all of this is shown: ");
  masked.add("ing");
  EXPECT_EQ(masked.out, "all of this is shown: hunting");
  masked.add(" hunter");
  EXPECT_EQ(masked.end(), "all of this is shown: hunting hunter");
}

TEST(SecretMask, FindsLinesOfAKeyAndItsEncodedForm) {
  const std::string key = "-----BEGIN KEY-----\nc2VjcmV0IG9uZQ\r\nc2VjcmV0IHR3bw\n-----END KEY-----\n";
  Masked masked({key});
  masked.add("cat: c2VjcmV0IHR3bw and c2VjcmV0IG9uZQ.\n" + base64_encode(key) + "\n");
  EXPECT_EQ(masked.end(), "cat: *** and ***.\n***\n");
}

TEST(SecretMask, TheLineBreakBehindAFilesSecretIsNoneOfIt) {
  EXPECT_EQ(Masked({"hunter2\n"}).add("x=hunter2!").end(), "x=***!");
}

TEST(SecretMask, TheLongestOfSeveralWins) {
  EXPECT_EQ(Masked({"abcd", "abcdef"}).add("abcdef abcde").end(), "*** ***e");
}

TEST(SecretMask, ShortOnesAreNotReplaced) {
  EXPECT_EQ(Masked({"yes", "", "\n\n"}).add("yes\n\n").end(), "yes\n\n");
}

TEST(SecretMask, ALongSecretIsFoundPieceByPiece) {
  std::string key;
  std::minstd_rand random(7);
  for (int i = 0; i < 20'000; ++i) key.push_back(static_cast<char>('a' + random() % 26));
  const std::string out = Masked({key}).add("<" + key + ">").end();
  EXPECT_EQ(out.find(key.substr(0, 20)), out.npos);
  for (std::size_t at = 0; at + 20 < out.size(); at += 20)
    EXPECT_EQ(key.find(out.substr(at, 20)), key.npos);
}

TEST(SecretMask, AWholeText) {
  SecretMask mask;
  EXPECT_TRUE(mask.empty());
  EXPECT_EQ(mask.masked("hunter2"), "hunter2");
  mask.add("hunter2");
  EXPECT_EQ(mask.masked("RUN login hunter2: exit status 1, hunt"), "RUN login ***: exit status 1, hunt");
}

}  // namespace
}  // namespace slipway
