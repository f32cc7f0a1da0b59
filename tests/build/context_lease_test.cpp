// A build's context is nobody's layer: the build keeps it.
#include <gtest/gtest.h>

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
  bool context_is_there() {
    GarbageCollectorOptions options;
    options.load = 100;
    const auto collected =
        make_garbage_collector(*world_.blobs, *world_.registry, world_.clock, options)->collect();
    EXPECT_TRUE(collected.ok());
    return world_.registry->stat_blob(repository_, digest_of("a tar")).ok();
  }

  QueueWorld world_{test::StoreKind::lmdb};
  const RepositoryName repository_ = *RepositoryName::parse("app/web");
  const std::chrono::milliseconds kept_ = LeaseTerms().kept();
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
  world_.clock.advance(kept_ - 1ms);
  EXPECT_TRUE(context_is_there()) << "for a retry";
  const auto again = world_.queue->retry(build.id);
  ASSERT_TRUE(again.ok());
  world_.clock.advance(1000h);
  EXPECT_TRUE(context_is_there());
  ASSERT_TRUE(world_.queue->cancel(again->id, "enough").ok());
  world_.clock.advance(kept_);
  EXPECT_FALSE(context_is_there());
}

TEST_F(ContextLeaseTest, ABuildWhoseContextIsGoneIsRefusedAtOnce) {
  put_context();
  const Build build = world_.submit(request());
  ASSERT_TRUE(world_.queue->cancel(build.id, "enough").ok());
  world_.clock.advance(kept_);
  EXPECT_FALSE(context_is_there());
  const auto again = world_.queue->retry(build.id);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, ErrorCode::not_found);
  EXPECT_NE(again.error().message.find("submit it again with its context"), std::string::npos);
}

}  // namespace
}  // namespace slipway
