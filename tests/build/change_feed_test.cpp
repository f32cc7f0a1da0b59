#include "build/change_feed.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "build/build_removal.hpp"
#include "tests/build/queue_world.hpp"

namespace slipway {
namespace {

class ChangeFeedTest : public ::testing::TestWithParam<test::StoreKind> {
 protected:
  using Entries = std::vector<std::pair<std::uint64_t, std::string>>;

  Entries behind(std::uint64_t number, std::size_t limit = 100) {
    const auto view = *world_.stores->metadata().snapshot();
    Entries entries;
    const auto read = feed_behind(*view, number, limit);
    EXPECT_TRUE(read.ok());
    for (const FeedEntry& entry : *read)
      entries.emplace_back(entry.number, entry.build);
    return entries;
  }
  std::uint64_t end() { return feed_end(**world_.stores->metadata().snapshot()).value(); }

  test::QueueWorld world_{GetParam()};
};

TEST_P(ChangeFeedTest, EachChangeIsTheNextNumberAndABuildStandsUnderItsLatest) {
  EXPECT_EQ(end(), 0U);
  const std::string one = world_.submit("app/one").id;
  const std::string two = world_.submit("app/two").id;
  EXPECT_EQ(behind(0), (Entries{{1, one}, {2, two}}));
  ASSERT_TRUE(world_.queue->lease(one, "local").ok());
  EXPECT_EQ(behind(0), (Entries{{2, two}, {3, one}}));
  EXPECT_EQ(behind(2), (Entries{{3, one}}));
  EXPECT_EQ(behind(0, 1), (Entries{{2, two}}));
  EXPECT_EQ(behind(3), Entries{});
  EXPECT_EQ(behind(UINT64_MAX), Entries{});
  // What changes nothing is no change.
  EXPECT_FALSE(world_.queue->lease(one, "local").ok());
  ASSERT_TRUE(world_.logs->append(one, 0, "a line\n", {}).ok());
  EXPECT_EQ(end(), 3U);
}

TEST_P(ChangeFeedTest, NumbersGoOnAfterARestartAndAfterBuildsWereForgotten) {
  const std::string one = world_.submit("app/one").id;
  ASSERT_TRUE(world_.queue->cancel(one, "requested").ok());
  world_.reopen();
  EXPECT_EQ(behind(1), (Entries{{2, one}}));
  ASSERT_TRUE(world_.stores->metadata()
                  .write([&](WriteTransaction& transaction) {
                    return erase_ended_build(transaction, one, LeaseTerms(), world_.clock.now());
                  })
                  .ok());
  EXPECT_EQ(behind(0), Entries{});
  const std::string two = world_.submit("app/two").id;
  EXPECT_EQ(behind(2), (Entries{{3, two}}));
}

INSTANTIATE_TEST_SUITE_P(Stores, ChangeFeedTest,
                         ::testing::Values(test::StoreKind::memory, test::StoreKind::lmdb));

}  // namespace
}  // namespace slipway
