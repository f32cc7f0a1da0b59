#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include <slipway/registry/retention.hpp>

#include "tests/registry/collection_world.hpp"
#include "tests/storage/random_seed.hpp"

namespace slipway::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

const Timestamp noon = *parse_rfc3339("2026-11-24T12:00:00Z");

struct PushedTag {
  std::string tag;
  std::chrono::milliseconds ago;
};

/// The tags that stay, in the order given.
std::vector<std::string> staying(const std::vector<RetentionRule>& rules,
                                 const std::vector<PushedTag>& tags) {
  TagRetention retention(rules_for(rules, "app/web"), noon);
  for (const PushedTag& tag : tags) retention.see(tag.tag, noon - tag.ago);
  std::vector<std::string> stay;
  for (const PushedTag& tag : tags)
    if (retention.stays(tag.tag, noon - tag.ago)) stay.push_back(tag.tag);
  return stay;
}

TEST(TagRetention, WithoutARuleAllStay) {
  EXPECT_THAT(staying({}, {{"old", 1000h}}), ElementsAre("old"));
  EXPECT_THAT(staying({{.untagged_after = 0ms}}, {{"old", 1000h}}), ElementsAre("old"));
  EXPECT_THAT(staying({{.repositories = "app", .keep_for = 1h}}, {{"old", 1000h}}),
              ElementsAre("old"))
      << "app is not app/web";
}

TEST(TagRetention, TheLastPushedStay) {
  const std::vector<PushedTag> tags{{"a", 3h}, {"b", 1h}, {"c", 2h}, {"d", 4h}};
  EXPECT_THAT(staying({{.keep_last = 2}}, tags), ElementsAre("b", "c"));
  EXPECT_THAT(staying({{.keep_last = 4}}, tags), ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(staying({{.keep_last = 9}}, tags), ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(staying({{.keep_last = 1}}, {{"x", 1h}, {"y", 1h}}), ElementsAre("y"))
      << "names break ties";
}

TEST(TagRetention, TheYoungStay) {
  EXPECT_THAT(staying({{.keep_for = 2h}}, {{"a", 2h}, {"b", 2h - 1ms}, {"c", 0h}}),
              ElementsAre("b", "c"));
}

TEST(TagRetention, OneReasonToStayIsEnough) {
  EXPECT_THAT(staying({{.keep_last = 1, .keep_for = 2h}}, {{"a", 5h}, {"b", 4h}}),
              ElementsAre("b"));
  EXPECT_THAT(staying({{.keep_last = 1, .keep_for = 2h}}, {{"a", 1h}, {"b", 0h}, {"c", 3h}}),
              ElementsAre("a", "b"));
}

TEST(TagRetention, TheFirstRuleThatNamesATagDecidesAndCountsItAlone) {
  const std::vector<RetentionRule> rules{{.tags = {"v*", "latest"}},
                                         {.tags = {"pr-*"}, .keep_last = 1},
                                         {.untagged_after = 1h},
                                         {.keep_for = 1h}};
  EXPECT_THAT(staying(rules, {{"v1", 1000h},
                              {"latest", 1000h},
                              {"pr-1", 50h},
                              {"pr-2", 40h},
                              {"main", 2h},
                              {"now", 30min}}),
              ElementsAre("v1", "latest", "pr-2", "now"));
}

TEST(TagRetention, AgreesWithSorting) {
  std::mt19937_64 random(random_seed());
  for (int round = 0; round < 200; ++round) {
    std::vector<PushedTag> tags;
    for (std::uint64_t i = random() % 30; i > 0; --i)
      tags.push_back({"t" + std::to_string(i), std::chrono::hours(random() % 10)});
    const std::size_t keep = 1 + random() % 10;
    auto sorted = tags;
    std::sort(sorted.begin(), sorted.end(), [](const PushedTag& a, const PushedTag& b) {
      return std::pair(a.ago, b.tag) < std::pair(b.ago, a.tag);
    });
    std::set<std::string> expected;
    for (std::size_t i = 0; i < std::min(keep, sorted.size()); ++i) expected.insert(sorted[i].tag);
    const auto stay = staying({{.keep_last = keep}}, tags);
    EXPECT_EQ(std::set<std::string>(stay.begin(), stay.end()), expected);
  }
}

TEST(TagRetention, SignaturesAreCompanions) {
  const std::string hex(64, 'a');
  EXPECT_EQ(companion_of("sha256-" + hex + ".sig"), *Digest::parse("sha256:" + hex));
  EXPECT_EQ(companion_of("sha256-" + hex), *Digest::parse("sha256:" + hex));
  EXPECT_EQ(companion_of("sha256-" + hex.substr(1)), std::nullopt);
  EXPECT_EQ(companion_of("v1.sig"), std::nullopt);
  EXPECT_EQ(companion_of("sha256-" + hex + "b.sig"), std::nullopt);
}

TEST(UntaggedRetention, EveryReasonToStayIsOne) {
  const LeaseTerms lease{8h};
  const ManifestUse old{.renewed_at = noon - 1000h};
  EXPECT_TRUE(untagged_goes(old, 100h, lease, noon));
  for (auto use : {&ManifestUse::tagged, &ManifestUse::named, &ManifestUse::subject_here}) {
    ManifestUse kept = old;
    kept.*use = true;
    EXPECT_FALSE(untagged_goes(kept, 100h, lease, noon));
  }
  EXPECT_FALSE(untagged_goes(old, 1000h, lease, noon)) << "a renewal may have been spared";
  EXPECT_TRUE(untagged_goes(old, 999h, lease, noon));
  EXPECT_FALSE(untagged_goes({.renewed_at = noon - 10h + 1ms}, 0h, lease, noon)) << "leased";
  EXPECT_TRUE(untagged_goes({.renewed_at = noon - 10h}, 0h, lease, noon));
}

class RetentionTest : public CollectionWorld {};

INSTANTIATE_TEST_SUITE_P(Over, RetentionTest, testing::Values(Place::memory, Place::disk),
                         place_name);

TEST_P(RetentionTest, WhatATagLeftGoesAfterItsTime) {
  use_rules({{.repositories = "app", .untagged_after = 100h}});
  const Digest first = push_image("latest", "one");
  push_image("latest", "one", "other");
  clock_.advance(500h);
  const Digest second = push_image("latest", "two");
  push_image("latest", "two", "other");
  clock_.advance(100h);
  EXPECT_EQ(collect().manifests, 0U) << "100 h since it was left, of which an eighth lease";
  clock_.advance(due);
  const Collected collected = collect();
  EXPECT_EQ(collected.manifests, 1U);
  EXPECT_EQ(collected.tags, 0U);
  EXPECT_FALSE(has_manifest(first));
  EXPECT_TRUE(has_manifest(second));
  EXPECT_TRUE(has_manifest(first, "other")) << "no rule is about it";
  clock_.advance(kept);
  EXPECT_EQ(collect().links, 1U);
  EXPECT_FALSE(has_blob(digest_of("one")));
  EXPECT_TRUE(has_blob(digest_of("{}")));
}

TEST_P(RetentionTest, AMovedTagIsYoungAndAPushedOneAgainToo) {
  use_rules({{.keep_last = 2}});
  push_image("a", "one");
  clock_.advance(24h);
  push_image("b", "two");
  clock_.advance(24h);
  push_image("c", "three");
  clock_.advance(24h);
  push_image("a", "one");  // the same again
  EXPECT_EQ(collect().tags, 1U);
  EXPECT_EQ(tags(), (std::set<std::string>{"a", "c"}));
  EXPECT_EQ(collect().tags, 0U);
  EXPECT_TRUE(has_manifest(digest_of(image_json("two")))) << "no rule is about untagged ones";
}

TEST_P(RetentionTest, ATagThatIsPushedJustBeforeTheTransactionStays) {
  use_rules({{.keep_for = 10h}});
  push_image("a", "one");
  clock_.advance(24h);
  metadata_.before_next_write([&] { push_image("a", "two"); });
  EXPECT_EQ(collect().tags, 0U);
  EXPECT_TRUE(has_manifest("a"));
}

TEST_P(RetentionTest, ChildrenOfAnIndexAndReferrersStayWithIt) {
  use_rules({{.untagged_after = 24h}});
  push_image("", "one");
  push_image("", "two");
  const std::string index = index_json({image_json("one"), image_json("two")});
  push("latest", index, image_index_type);
  put("signature");
  const Digest signature = push("", image_json("signature", index));
  clock_.advance(1000h);
  EXPECT_EQ(collect().manifests, 0U);

  EXPECT_TRUE(remove("latest"));
  clock_.advance(24h + due);
  EXPECT_EQ(collect().manifests + collect().manifests, 2U) << "the index, and what refers to it";
  EXPECT_FALSE(has_manifest(signature));
  EXPECT_TRUE(has_manifest(digest_of(image_json("one")))) << "its time begins with the index' end";
  clock_.advance(24h + due);
  EXPECT_EQ(collect().manifests, 2U);
  clock_.advance(kept);
  collect();
  EXPECT_EQ(registry_->totals()->blobs, 0U);
}

TEST_P(RetentionTest, SignaturesAreNeitherCountedNorLeftBehind) {
  use_rules({{.keep_last = 1, .untagged_after = 24h}});
  const auto signature_of = [](const Digest& image) {
    std::string tag = image.to_string() + ".sig";
    tag[tag.find(':')] = '-';
    return tag;
  };
  const Digest first = push_image("v1", "one");
  push_image(signature_of(first), "signature of one");
  clock_.advance(24h);
  const Digest second = push_image("v2", "two");
  push_image(signature_of(second), "signature of two");
  EXPECT_EQ(collect().tags, 1U);
  EXPECT_EQ(tags(), (std::set<std::string>{"v2", signature_of(first), signature_of(second)}));
  clock_.advance(24h + due);
  EXPECT_EQ(collect().manifests, 1U);
  EXPECT_EQ(collect().tags, 1U) << "with what it signed";
  EXPECT_EQ(tags(), (std::set<std::string>{"v2", signature_of(second)}));
}

TEST_P(RetentionTest, ManyTagsGoInSmallTransactions) {
  use_rules({{.keep_last = 3, .untagged_after = 0ms}});
  put("{}");
  for (int i = 0; i < 400; ++i) {
    const std::string layer = "layer " + std::to_string(i % 50);
    put(layer);
    push("t" + std::to_string(i), image_json(layer));
    clock_.advance(1s);
  }
  metadata_.take_most_erased();
  EXPECT_EQ(collect().tags, 397U);
  EXPECT_EQ(tags(), (std::set<std::string>{"t397", "t398", "t399"}));
  clock_.advance(kept);
  EXPECT_EQ(collect().manifests, 47U);
  EXPECT_LE(metadata_.take_most_erased(), 1100U);
}

TEST_P(RetentionTest, WhatAnEarlierVersionWroteIsAsOldAsItsRepository) {
  const Digest image = push_image("old", "layer");
  ASSERT_TRUE(succeeded(metadata_.write([&](WriteTransaction& transaction) {
    const auto tag = key_space::Key(key_space::tag_of_manifest).text("app").digest(image).text("old");
    return transaction.put(tag, "");
  })));
  use_rules({{.keep_for = 10h}});
  clock_.advance(10h - 1ms);
  EXPECT_EQ(collect().tags, 0U);
  clock_.advance(1ms);
  EXPECT_EQ(collect().tags, 1U);
}

}  // namespace
}  // namespace slipway::test
