// A build's context is nobody's layer: the build keeps it.
#include <gtest/gtest.h>

#include <slipway/build/build_retention.hpp>
#include <slipway/registry/garbage_collector.hpp>

#include "tests/build/queue_world.hpp"

namespace slipway {
namespace {

using namespace std::chrono_literals;
using test::QueueWorld;

class ContextLeaseTest : public testing::Test {
 protected:
  BuildRequest request() {
    return BuildRequest(repository_, ContextSource{digest_of("a tar"), "application/x-tar"});
  }
  void put_context() {
    ASSERT_TRUE(world_.registry->put_blob(repository_, digest_of("a tar"), "a tar").ok());
  }
  /// Retention, then a collection.
  bool context_is_there() {
    const auto tidied = tidy_builds({world_.stores->metadata(), *world_.queue, *world_.logs,
                                     deliveries_, notifications_, world_.clock, Log::none(),
                                     world_.registry->lease()},
                                    {.contexts = retained_},
                                    [](const BuildsTidied&) { return Result<void>(); });
    EXPECT_TRUE(tidied.ok());
    EXPECT_EQ(tidied.value_or(BuildsTidied{.failures = 1}).failures, 0U);
    GarbageCollectorOptions options;
    options.load = 100;
    const auto collected =
        make_garbage_collector(*world_.blobs, *world_.registry, world_.clock, options)->collect();
    EXPECT_TRUE(collected.ok());
    return world_.registry->stat_blob(repository_, digest_of("a tar")).ok();
  }

  QueueWorld world_{test::StoreKind::lmdb};
  const RepositoryName repository_ = *RepositoryName::parse("app/web");
  const std::chrono::milliseconds leased_ = LeaseTerms().kept();
  const std::chrono::milliseconds retained_ = 72h;
  DeliveryStore deliveries_{world_.stores->metadata(), {.kept = 1000h}};
  NotificationStore notifications_{world_.stores->metadata(), world_.clock, 1000h};
};

TEST_F(ContextLeaseTest, ABuildThatHasNotEndedKeepsItsContext) {
  put_context();
  const Build build = world_.submit(request());
  world_.clock.advance(1000h);
  EXPECT_TRUE(context_is_there());
  world_.run(build.id);
  world_.clock.advance(1000h);
  EXPECT_TRUE(context_is_there());
  ASSERT_TRUE(world_.queue->cancel(build.id, "enough").ok());
  world_.clock.advance(retained_);
  EXPECT_TRUE(context_is_there()) << "for a retry";
  const auto again = world_.queue->retry(build.id);
  ASSERT_TRUE(again.ok());
  world_.clock.advance(1000h);
  EXPECT_TRUE(context_is_there());
}

TEST_F(ContextLeaseTest, AContextGoesWhenItsTimeAfterTheBuildAndItsLeaseAreOver) {
  put_context();
  const Build build = world_.submit(request());
  world_.clock.advance(1000h);
  ASSERT_TRUE(world_.queue->cancel(build.id, "enough").ok());
  world_.clock.advance(retained_ + 1ms);
  EXPECT_TRUE(context_is_there()) << "released just now: its lease begins";
  world_.clock.advance(leased_ - 1ms);
  EXPECT_TRUE(context_is_there());
  world_.clock.advance(1ms);
  EXPECT_FALSE(context_is_there());
}

TEST_F(ContextLeaseTest, AContextOfSeveralBuildsStaysForTheLastOfThem) {
  put_context();
  const Build first = world_.submit(request());
  ASSERT_TRUE(world_.queue->cancel(first.id, "enough").ok());
  world_.clock.advance(48h);
  const Build second = world_.submit(request());
  ASSERT_TRUE(world_.queue->cancel(second.id, "enough").ok());
  world_.clock.advance(retained_);
  EXPECT_TRUE(context_is_there());
  world_.clock.advance(1ms);
  EXPECT_TRUE(context_is_there());
  world_.clock.advance(leased_);
  EXPECT_FALSE(context_is_there());
}

TEST_F(ContextLeaseTest, AContextThatNoBuildUsedGoesWithItsLease) {
  put_context();
  world_.clock.advance(leased_ - 1ms);
  EXPECT_TRUE(context_is_there());
  world_.clock.advance(1ms);
  EXPECT_FALSE(context_is_there());
}

TEST_F(ContextLeaseTest, AContextOfAnotherRepositoryIsKeptThere) {
  put_context();
  ContextSource source{digest_of("a tar"), "application/x-tar"};
  source.repository = repository_;
  const Build build =
      world_.submit(BuildRequest(*RepositoryName::parse("other/web"), source));
  world_.clock.advance(1000h);
  EXPECT_TRUE(context_is_there());
  ASSERT_TRUE(world_.queue->cancel(build.id, "enough").ok());
  world_.clock.advance(retained_ + 1ms);
  EXPECT_TRUE(context_is_there());
  world_.clock.advance(leased_);
  EXPECT_FALSE(context_is_there());
}

TEST_F(ContextLeaseTest, ABuildWhoseContextIsGoneIsRefusedAtOnce) {
  put_context();
  const Build build = world_.submit(request());
  ASSERT_TRUE(world_.queue->cancel(build.id, "enough").ok());
  world_.clock.advance(retained_ + 1ms);
  EXPECT_TRUE(context_is_there());
  world_.clock.advance(leased_);
  EXPECT_FALSE(context_is_there());
  const auto again = world_.queue->retry(build.id);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, ErrorCode::not_found);
  EXPECT_NE(again.error().message.find("submit it again with its context"), std::string::npos);
}

}  // namespace
}  // namespace slipway
