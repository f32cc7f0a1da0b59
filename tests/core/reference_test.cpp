#include <slipway/core/reference.hpp>

#include <gtest/gtest.h>

#include <random>
#include <regex>

namespace slipway {
namespace {

TEST(RepositoryName, GrammarOfTheSpecification) {
  for (const char* name : {"a", "app/web", "a-b", "a--b", "a---b", "a_b", "a__b", "a.b", "0/1/2",
                           "library/ubuntu-22.04", "a1b2", "a/b/c/d/e/f"})
    EXPECT_TRUE(RepositoryName::valid(name)) << name;
  for (const char* name : {"", "/", "A", "App/web", "a/", "/a", "a//b", "a..b", "a___b", "-a", "a-",
                           "a_", "_a", "a.-b", "a-_b", "a b", "a:b", "a/../b", "..", "a\n", "ä",
                           "a/_b", "a/b-", "%61"})
    EXPECT_FALSE(RepositoryName::valid(name)) << name;
}

// The specification's own expression, run by another matcher, must agree on random names.
TEST(RepositoryName, AgreesWithTheSpecificationsExpression) {
  const std::regex expression(
      R"([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*)");
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string alphabet = "ab0._-/A";
  int valid = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string name;
    for (std::size_t size = random() % 9; size > 0; --size) name += alphabet[random() % alphabet.size()];
    const bool expected = std::regex_match(name, expression);
    valid += expected ? 1 : 0;
    ASSERT_EQ(RepositoryName::valid(name), expected) << name;
  }
  EXPECT_GT(valid, 100);
}

TEST(RepositoryName, LengthIsLimited) {
  EXPECT_TRUE(RepositoryName::parse(std::string(255, 'a')).ok());
  const auto longer = RepositoryName::parse(std::string(256, 'a'));
  ASSERT_FALSE(longer.ok());
  EXPECT_EQ(longer.error().code, ErrorCode::invalid_argument);
}

TEST(RepositoryName, TheTenantIsTheFirstPart) {
  EXPECT_EQ(RepositoryName::parse("app/web/api")->tenant(), "app");
  EXPECT_EQ(RepositoryName::parse("single")->tenant(), "single");
}

TEST(Tag, GrammarOfTheSpecification) {
  for (const char* tag : {"latest", "v1.0", "_x", "A-b_c.d", "0", "9f3c"})
    EXPECT_TRUE(Tag::valid(tag)) << tag;
  for (const char* tag : {"", ".x", "-x", "a b", "a/b", "a:b", "a+b", "a\n", "ü"})
    EXPECT_FALSE(Tag::valid(tag)) << tag;
  EXPECT_TRUE(Tag::valid(std::string(128, 'x')));
  EXPECT_FALSE(Tag::valid(std::string(129, 'x')));
}

TEST(Reference, AColonMakesADigest) {
  const std::string digest = "sha256:" + std::string(64, '1');
  EXPECT_TRUE(std::holds_alternative<Digest>(*parse_reference(digest)));
  EXPECT_TRUE(std::holds_alternative<Tag>(*parse_reference("latest")));
  EXPECT_EQ(to_string(*parse_reference(digest)), digest);
  EXPECT_EQ(to_string(*parse_reference("latest")), "latest");
  EXPECT_FALSE(parse_reference("sha256:short").ok());
  EXPECT_FALSE(parse_reference("not a tag").ok());
}

}  // namespace
}  // namespace slipway
