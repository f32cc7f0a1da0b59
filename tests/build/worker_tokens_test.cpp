#include <slipway/build/worker_tokens.hpp>

#include <gtest/gtest.h>

#include <slipway/auth/access_policy.hpp>

#include "tests/build/queue_world.hpp"

namespace slipway {
namespace {

using namespace slipway::test;

class WorkerTokensTest : public testing::Test {
 protected:
  QueueWorld world;
};

TEST_F(WorkerTokensTest, AreGoodForTheAttemptThatIsOut) {
  const Build build = world.submit("app/web");
  const WorkerCredential attempt = world.run(build.id);
  const std::string token = world.tokens->issue(build.id, 1);
  EXPECT_TRUE(token.starts_with("slpw_"));
  const auto identity = world.tokens->verify(token).value();
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->kind, Identity::Kind::worker);
  EXPECT_EQ(identity->build, build.id);
  EXPECT_EQ(identity->epoch, 1U);
  ASSERT_TRUE(identity->guard);
  const auto may_write = [&] {
    return world.stores->metadata().write(
        [&](WriteTransaction& transaction) { return identity->guard(transaction); });
  };
  EXPECT_TRUE(may_write().ok());

  ASSERT_TRUE(world.queue->cancel(build.id, "requested").ok());
  EXPECT_FALSE(world.tokens->verify(token)->has_value());
  EXPECT_EQ(may_write().error().code, ErrorCode::conflict)
      << "also for who was identified before the end";
  EXPECT_EQ(attempt.epoch, 1U);
}

TEST_F(WorkerTokensTest, GrantOneRepositoryAndReadingTheTenants) {
  const Build build = world.submit("app/web");
  world.run(build.id);
  const auto identity = world.tokens->verify(world.tokens->issue(build.id, 1)).value().value();
  const AccessPolicy policy(AnonymousAccess::none);
  EXPECT_TRUE(policy.allows(identity, Action::push, "app/web"));
  EXPECT_TRUE(policy.allows(identity, Action::pull, "app/web"));
  EXPECT_TRUE(policy.allows(identity, Action::pull, "app/base/image"));
  EXPECT_TRUE(policy.allows(identity, Action::pull, "app"));
  EXPECT_TRUE(policy.allows(identity, Action::push, "app/web/layer-cache"));
  EXPECT_FALSE(policy.allows(identity, Action::push, "app/other/layer-cache"));
  EXPECT_FALSE(policy.allows(identity, Action::push, "app/base"));
  EXPECT_FALSE(policy.allows(identity, Action::pull, "application/web"));
  EXPECT_FALSE(policy.allows(identity, Action::pull, "other/web"));
  EXPECT_FALSE(policy.allows(identity, Action::delete_, "app/web"));
  EXPECT_FALSE(policy.allows(identity, Action::build, "app/web"));
  EXPECT_FALSE(policy.allows(identity, Action::admin, ""));
}

TEST_F(WorkerTokensTest, CannotBeMadeUp) {
  const Build build = world.submit("app");
  world.run(build.id);
  const std::string token = world.tokens->issue(build.id, 1);
  for (std::size_t i = 5; i < token.size(); ++i) {
    std::string forged = token;
    forged[i] = forged[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(world.tokens->verify(forged)->has_value()) << i;
  }
  EXPECT_FALSE(world.tokens->verify("")->has_value());
  EXPECT_FALSE(world.tokens->verify("slpw_")->has_value());
  EXPECT_FALSE(world.tokens->verify(token.substr(5))->has_value());
  EXPECT_FALSE(world.tokens->verify(world.tokens->issue(build.id, 2))->has_value());
}

TEST_F(WorkerTokensTest, StayTheSameWhenTheStoreIsOpenedAgain) {
  const std::string before = world.tokens->issue("01JDCZ0M4Y7W3Q6S8N2V5X9K1B", 7);
  EXPECT_EQ(
      WorkerTokens::open(world.stores->metadata()).value()->issue("01JDCZ0M4Y7W3Q6S8N2V5X9K1B", 7),
      before);
  EXPECT_NE(QueueWorld().tokens->issue("01JDCZ0M4Y7W3Q6S8N2V5X9K1B", 7), before);
}

}  // namespace
}  // namespace slipway
