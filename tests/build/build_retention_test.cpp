#include <slipway/build/build_retention.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/registry/garbage_collector.hpp>
#include <slipway/support/ulid.hpp>

#include <map>
#include <string>

#include "tests/build/queue_world.hpp"

namespace slipway {
namespace {

class BuildRetentionTest : public ::testing::Test {
 protected:
  BuildsTidied tidy(const BuildRetention& retention = {}) {
    const auto tidied = tidy_builds({world_.stores->metadata(), *world_.queue, *world_.logs,
                                     deliveries_, notifications_, world_.clock, Log::none(),
                                     world_.registry->lease()},
                                    retention, [](const BuildsTidied&) { return Result<void>(); });
    EXPECT_TRUE(tidied.ok());
    return tidied.value_or(BuildsTidied{});
  }

  std::string log_of(const std::string& id) {
    std::string out;
    while (true) {
      const auto taken = world_.logs->read(id, out.size(), 1'000'000, out);
      EXPECT_TRUE(taken.ok()) << taken.error().message;
      if (taken.value_or(0) == 0) return out;
    }
  }

  /// A build of a trigger that ended now, with a log.
  std::string ended(std::string_view delivery = "") {
    BuildRequest request = test::request_for("app/web");
    request.trigger = BuildTrigger{"01JDCZ0M4Y7W3Q6S8N2V5X9K1B", "github", std::string(delivery)};
    const Build build = world_.submit(request);
    EXPECT_TRUE(world_.logs->append(build.id, 0, std::string(100'000, 'x') + "\n", {}).ok());
    EXPECT_TRUE(world_.queue->cancel(build.id, "requested").ok());
    return build.id;
  }

  /// How many rows there are of each kind.
  std::map<std::string, int> rows() {
    std::map<std::string, int> counts;
    const auto view = *world_.stores->metadata().snapshot();
    const auto cursor = *view->cursor();
    for (bool there = *cursor->seek("a"); there; there = *cursor->next())
      ++counts[std::string(cursor->key().substr(0, 2))];
    return counts;
  }

  Collected collect() {
    GarbageCollectorOptions options;
    options.load = 100;
    const auto collector =
        make_garbage_collector(*world_.blobs, *world_.registry, world_.clock, options);
    const auto collected = collector->collect(GarbageCollector::From::beginning, {}, {});
    EXPECT_TRUE(collected.ok());
    return *collected;
  }

  test::QueueWorld world_;
  DeliveryStore deliveries_{world_.stores->metadata(), {.kept = std::chrono::hours(24)}};
  NotificationStore notifications_{world_.stores->metadata(), world_.clock, std::chrono::hours(24)};
};

TEST_F(BuildRetentionTest, FinishedLogsAreCompressedAndOthersAreNot) {
  const std::string running = world_.submit("app/web").id;
  ASSERT_TRUE(world_.logs->append(running, 0, "step 1\n", {}).ok());
  const std::string done = ended();
  const std::string before = log_of(done);
  EXPECT_EQ(tidy().logs_compressed, 1U);
  EXPECT_TRUE(world_.logs->open_compressed(done).value().has_value());
  EXPECT_FALSE(world_.logs->open_compressed(running).value().has_value());
  EXPECT_EQ(log_of(done), before);
  EXPECT_THAT(before, testing::EndsWith("slipway: cancelled: requested\n"));
  EXPECT_EQ(tidy().logs_compressed, 0U);
}

TEST_F(BuildRetentionTest, TheCollectorLeavesLogsAloneUntilTheyAreRemoved) {
  const std::string id = ended();
  const std::string before = log_of(id);
  tidy();
  world_.clock.advance(std::chrono::days(30));  // far beyond any lease
  EXPECT_EQ(collect().blobs, 0U);
  EXPECT_EQ(log_of(id), before);
  EXPECT_EQ(tidy({.logs = std::chrono::days(7)}).logs_removed, 1U);
  EXPECT_EQ(log_of(id), "");
  EXPECT_TRUE(world_.queue->find(id).ok());
  EXPECT_EQ(collect().blobs, 1U);
}

TEST_F(BuildRetentionTest, WhatIsYoungOrRunsIsKept) {
  const std::string waiting = world_.submit("app/web").id;
  const std::string old = ended();
  world_.clock.advance(std::chrono::days(8));
  const std::string young = ended();
  const BuildRetention week{.builds = std::chrono::days(7), .logs = std::chrono::days(7)};
  EXPECT_EQ(tidy(week).builds_removed, 1U);
  EXPECT_EQ(world_.queue->find(old).error().code, ErrorCode::not_found);
  EXPECT_TRUE(world_.queue->find(young).ok());
  EXPECT_TRUE(world_.queue->find(waiting).ok());
  EXPECT_EQ(world_.queue->list({})->builds.size(), 2U);
  EXPECT_EQ(tidy(week).builds_removed, 0U);
}

TEST_F(BuildRetentionTest, ABuildThatIsRemovedLeavesNoRowAndItsDeliveryMayComeAgain) {
  const auto empty = rows();
  const std::string old = ended("d-1");
  tidy();
  world_.clock.advance(std::chrono::days(400));
  const BuildsTidied tidied = tidy();
  EXPECT_EQ(tidied.builds_removed, 1U);
  EXPECT_EQ(tidied.failures, 0U);
  collect();
  auto left = rows();
  for (const char* counted : {"ct", "gp", "ql"}) left.erase(counted);
  auto before = empty;
  for (const char* counted : {"ct", "gp", "ql"}) before.erase(counted);
  EXPECT_EQ(left, before);
  EXPECT_NE(ended("d-1"), old);
}

TEST_F(BuildRetentionTest, ALogWithoutItsBuildIsRemoved) {
  const std::string id = make_ulid(world_.clock.now());
  ASSERT_TRUE(world_.logs->append(id, 0, "lost", {}).ok());
  world_.clock.advance(std::chrono::days(1000));
  EXPECT_EQ(tidy().logs_removed, 1U);
  EXPECT_EQ(world_.logs->all("", 10).value().size(), 0U);
}

}  // namespace
}  // namespace slipway
