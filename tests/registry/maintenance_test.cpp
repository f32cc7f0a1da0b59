#include <slipway/registry/maintenance.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <semaphore>

#include "json/writer.hpp"
#include "registry/operation_json.hpp"
#include "tests/build/wait_for.hpp"

namespace slipway {
namespace {

using testing::HasSubstr;

/// Operations of the kind "work" that go on when the test lets them.
class MaintenanceTest : public testing::Test {
 protected:
  MaintenanceTest() {
    maintenance_.add("work", [this](std::string_view options) -> Result<OperationWork> {
      if (options == "wrong") return Error(ErrorCode::invalid_argument, "options: expected right");
      return OperationWork([this](OperationRun& run) { return work(run); });
    });
  }
  ~MaintenanceTest() override { go_on_.release(100); }

  Result<std::string> work(OperationRun& run) {
    starts_.change([](int& count) { ++count; });
    run.count("steps", 1, 2);
    go_on_.acquire();
    SLIPWAY_CHECK(run.check());
    run.count("steps", 2, 2);
    if (failure_) return *failure_;
    return std::string(R"({"found":7})");
  }

  std::string start() {
    const auto operation = maintenance_.start("work", "{}");
    EXPECT_TRUE(operation.ok()) << operation.error().message;
    return operation ? operation->id : "";
  }

  std::counting_semaphore<> go_on_{0};
  std::optional<Error> failure_;
  test::Told<int> starts_;
  ManualClock clock_{*parse_rfc3339("2026-11-24T09:05:03.007Z")};
  Maintenance maintenance_{clock_};
};

TEST_F(MaintenanceTest, AnOperationTellsHowFarItIsAndWhatCameOfIt) {
  const std::string id = start();
  starts_.wait_until([](int count) { return count == 1; });
  const auto running = maintenance_.find(id);
  ASSERT_TRUE(running.ok());
  EXPECT_EQ(running->kind, "work");
  EXPECT_EQ(running->state, OperationState::running);
  EXPECT_FALSE(running->finished.has_value());

  clock_.advance(std::chrono::seconds(2));
  go_on_.release();
  const auto ended = maintenance_.wait(id);
  ASSERT_TRUE(ended.ok());
  EXPECT_EQ(ended->state, OperationState::succeeded);
  json::Writer json;
  write_json(json, *ended);
  EXPECT_EQ(json.str(), R"({"id":")" + id +
                            R"(","kind":"work","state":"succeeded",)"
                            R"("started":"2026-11-24T09:05:03.007Z",)"
                            R"("finished":"2026-11-24T09:05:05.007Z",)"
                            R"("progress":{"steps":{"done":2,"total":2}},"result":{"found":7}})");
}

TEST_F(MaintenanceTest, OneOfAKindRunsAtATime) {
  maintenance_.add("other", [](std::string_view) -> Result<OperationWork> {
    return OperationWork([](OperationRun&) -> Result<std::string> { return std::string("{}"); });
  });
  const std::string id = start();
  const auto second = maintenance_.start("work", "{}");
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  EXPECT_THAT(second.error().message, HasSubstr(id));
  EXPECT_TRUE(maintenance_.start("other", "{}").ok()) << "another kind may run beside it";
  go_on_.release();
  ASSERT_TRUE(maintenance_.wait(id).ok());
  EXPECT_TRUE(maintenance_.start("work", "{}").ok());
}

TEST_F(MaintenanceTest, WhatCannotStartSaysWhy) {
  const auto unknown = maintenance_.start("play", "{}");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, ErrorCode::not_found);
  EXPECT_THAT(unknown.error().message, HasSubstr("work"));
  const auto wrong = maintenance_.start("work", "wrong");
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().code, ErrorCode::invalid_argument);
  EXPECT_TRUE(maintenance_.list().empty());
  for (const auto code : {maintenance_.find("01JDCZ0M4Y7W3Q6S8N2V5X9K1B").error().code,
                          maintenance_.wait("01JDCZ0M4Y7W3Q6S8N2V5X9K1B").error().code,
                          maintenance_.cancel("01JDCZ0M4Y7W3Q6S8N2V5X9K1B").error().code})
    EXPECT_EQ(code, ErrorCode::not_found);
}

TEST_F(MaintenanceTest, AFailureKeepsItsError) {
  failure_ = Error(ErrorCode::io, "the disk is gone");
  const std::string id = start();
  go_on_.release();
  const auto ended = maintenance_.wait(id);
  ASSERT_TRUE(ended.ok());
  EXPECT_EQ(ended->state, OperationState::failed);
  EXPECT_EQ(ended->error, failure_);
  EXPECT_EQ(ended->result, "");
}

TEST_F(MaintenanceTest, WhatThrowsHasFailed) {
  maintenance_.add("thrower", [](std::string_view) -> Result<OperationWork> {
    return OperationWork(
        [](OperationRun&) -> Result<std::string> { throw std::runtime_error("out of luck"); });
  });
  const auto started = maintenance_.start("thrower", "{}");
  ASSERT_TRUE(started.ok());
  const auto ended = maintenance_.wait(started->id);
  EXPECT_EQ(ended->error, Error(ErrorCode::internal, "out of luck"));
}

TEST_F(MaintenanceTest, CancellingStopsItAtItsNextStep) {
  const std::string id = start();
  ASSERT_TRUE(maintenance_.cancel(id).ok());
  go_on_.release();
  const auto ended = maintenance_.wait(id);
  ASSERT_TRUE(ended.ok());
  EXPECT_EQ(ended->state, OperationState::cancelled);
  const auto again = maintenance_.cancel(id);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, ErrorCode::conflict);
}

TEST_F(MaintenanceTest, StoppingCancelsAllAndStartsNoMore) {
  const std::string id = start();
  go_on_.release();
  maintenance_.stop();
  EXPECT_NE(maintenance_.find(id)->state, OperationState::running);
  const auto late = maintenance_.start("work", "{}");
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, ErrorCode::unavailable);
}

TEST_F(MaintenanceTest, SubscribersAreToldOfProgressAndOfTheEnd) {
  test::Told<int> told;
  const std::string id = start();
  const auto subscription =
      maintenance_.subscribe(id, [&] { told.change([](int& count) { ++count; }); });
  starts_.wait_until([](int count) { return count == 1; });
  const std::uint64_t revision = maintenance_.find(id)->revision;
  go_on_.release();
  ASSERT_TRUE(maintenance_.wait(id).ok());
  told.wait_until([](int count) { return count >= 1; });
  EXPECT_GT(maintenance_.find(id)->revision, revision);
}

TEST_F(MaintenanceTest, TheLastTenOfAKindAreRemembered) {
  go_on_.release(50);
  std::vector<std::string> ids;
  for (int i = 0; i < 12; ++i) {
    ids.push_back(start());
    ASSERT_TRUE(maintenance_.wait(ids.back()).ok());
  }
  const std::vector<Operation> remembered = maintenance_.list();
  ASSERT_EQ(remembered.size(), 10U);
  EXPECT_EQ(remembered.front().id, ids.back());
  EXPECT_EQ(remembered.back().id, ids[2]);
  EXPECT_FALSE(maintenance_.find(ids[0]).ok());
}

TEST_F(MaintenanceTest, ARepeatedKindStartsWheneverItsTimeHasCome) {
  go_on_.release(50);
  maintenance_.repeat("work", "{}", std::chrono::hours(24), std::chrono::hours(1));
  clock_.advance(std::chrono::minutes(59));
  EXPECT_EQ(starts_.get(), 0);
  clock_.advance(std::chrono::minutes(1));
  starts_.wait_until([](int count) { return count == 1; });
  ASSERT_TRUE(maintenance_.wait(maintenance_.list().front().id).ok());
  clock_.advance(std::chrono::hours(24));
  starts_.wait_until([](int count) { return count == 2; });
}

}  // namespace
}  // namespace slipway
