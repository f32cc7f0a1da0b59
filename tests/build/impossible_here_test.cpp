// Defects that other build systems had, one test each: docs/builds.md has the table.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <slipway/build/scheduler.hpp>

#include "tests/build/memory_backend.hpp"
#include "tests/build/queue_world.hpp"
#include "tests/build/wait_for.hpp"

namespace slipway {
namespace {

using namespace slipway::test;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

class ImpossibleHere : public testing::Test {
 protected:
  void make() {
    scheduler.reset();
    scheduler =
        make_scheduler(world.stores->metadata(), *world.queue, {&local}, world.clock, options)
            .value();
  }
  /// Another process of the server, over what was committed.
  void restart() {
    scheduler.reset();
    world.restart();
    make();
    scheduler->step();
  }

  Build find(const std::string& id) { return world.queue->find(id).value(); }
  std::string worker(const std::string& id) { return find(id).attempts.back().worker; }
  Result<Registration> try_to_register(const std::string& id) {
    return world.queue->register_worker(local.token_of(worker(id)), some_nonce);
  }
  WorkerCredential register_worker(const std::string& id) {
    EXPECT_TRUE(try_to_register(id).ok());
    return {id, find(id).epoch};
  }

  void run_for(std::chrono::nanoseconds duration) {
    const MonotonicTime end = world.clock.monotonic() + duration;
    while (world.clock.monotonic() < end) {
      const auto next = scheduler->step();
      const MonotonicTime to = std::min(next.value_or(end), end);
      world.clock.advance(std::max<std::chrono::nanoseconds>(to - world.clock.monotonic(), 1ms));
    }
    scheduler->step();
  }

  QueueWorld world;
  MemoryBackend local{"local", 2};
  SchedulerOptions options;
  std::unique_ptr<Scheduler> scheduler;
};

TEST_F(ImpossibleHere, AtCapacityTheLoopDiesARetryIsBurnedOrABuildIsForgotten) {
  local.claims_room = true;  // and each start finds that there is none
  local.set_slots(0);
  make();
  const Build build = world.submit("app");
  run_for(1h);
  EXPECT_GT(find(build.id).epoch, 3U) << "missed more often than thrice";
  EXPECT_EQ(find(build.id).failed_attempts, 0U);
  EXPECT_EQ(find(build.id).state, BuildState::queued);
  local.set_slots(1);
  local.tell({BackendEvent::Kind::room, "", ""});
  scheduler->step();
  EXPECT_EQ(find(build.id).state, BuildState::starting);
}

TEST_F(ImpossibleHere, TheCapOfABackendIsNotEnforced) {
  local.set_slots(50);  // it would start more
  options.rules.backends["local"] = 3;
  make();
  for (int i = 0; i < 10; ++i) world.submit("app/" + std::to_string(i % 2));
  run_for(10s);
  EXPECT_EQ(local.requests().size(), 3U);
  restart();
  EXPECT_EQ(local.requests().size(), 3U) << "not after a restart either";
}

TEST_F(ImpossibleHere, AUsersErrorIsShownAsAnInternalOne) {
  make();
  const Build build = world.submit("app");
  scheduler->step();
  const BuildFailure failure{FailureClass::user, "step_failed", "RUN make: exit status 2", 2};
  ASSERT_TRUE(world.queue->fail(register_worker(build.id), failure).ok());
  local.end(worker(build.id), "exit status 0");
  run_for(1min);
  EXPECT_EQ(find(build.id).failure, failure) << "what became of the worker then changes nothing";
  EXPECT_EQ(find(build.id).attempts.size(), 1U) << "and it is not tried again";
}

TEST_F(ImpossibleHere, CancellingARunningBuildDoesNotStopIt) {
  make();
  const Build build = world.submit("app");
  scheduler->step();
  const std::string name = worker(build.id);
  const WorkerCredential attempt = register_worker(build.id);
  scheduler->step();
  ASSERT_TRUE(world.queue->cancel(build.id, "requested").ok());
  EXPECT_EQ(world.queue->heartbeat(attempt).error().code, ErrorCode::conflict) << "it is told";
  scheduler->step();
  EXPECT_FALSE(local.has(name)) << "and stopped";
}

TEST_F(ImpossibleHere, OneManagerRunsOnlyAboutFiveBuildsAtOnce) {
  local.set_slots(500);
  make();
  std::vector<std::string> ids;
  for (int i = 0; i < 500; ++i) ids.push_back(world.submit("app/" + std::to_string(i % 7)).id);
  scheduler->step();
  for (const std::string& id : ids) register_worker(id);
  EXPECT_EQ(world.queue->summary()->tenants.at("app").leased, 500U);
}

TEST_F(ImpossibleHere, RestartingTheManagerKillsRunningBuilds) {
  make();
  const Build build = world.submit("app");
  scheduler->step();
  const std::string name = worker(build.id);
  const WorkerCredential attempt = register_worker(build.id);
  for (int i = 0; i < 10; ++i) restart();
  EXPECT_TRUE(local.has(name));
  EXPECT_EQ(find(build.id).epoch, 1U);
  ASSERT_TRUE(world.queue->heartbeat(attempt).ok());
  EXPECT_TRUE(world.queue->succeed(attempt, world.push_manifest("app")).ok());
}

TEST_F(ImpossibleHere, TheRegistrationExpiresBeforeTheWorkerCanBeReady) {
  options.start_timeout = 10min;
  make();
  const Build build = world.submit("app");
  scheduler->step();
  run_for(9min);
  restart();  // which begins the deadline anew
  run_for(9min);
  EXPECT_TRUE(try_to_register(build.id).ok()) << "as long as the attempt is out, it is good";
}

TEST_F(ImpossibleHere, AReplayedRegistrationReturnsSecretsAgain) {
  make();
  const Build build = world.submit("app");
  scheduler->step();
  const std::string token = local.token_of(worker(build.id));
  ASSERT_TRUE(world.queue->register_worker(token, some_nonce).ok());
  const auto replayed = world.queue->register_worker(token, other_nonce);
  ASSERT_FALSE(replayed.ok());
  EXPECT_EQ(replayed.error().code, ErrorCode::conflict);
  restart();
  EXPECT_FALSE(world.queue->register_worker(token, other_nonce).ok());
}

TEST_F(ImpossibleHere, FailureIsToldOnlyAfterAllRetries) {
  make();
  const Build build = world.submit("app");
  scheduler->step();
  ASSERT_TRUE(world.queue
                  ->fail(register_worker(build.id),
                         {FailureClass::infrastructure, "no_space", "the disk is full", {}})
                  .ok());
  EXPECT_EQ(find(build.id).state, BuildState::queued) << "it will be tried again";
  EXPECT_EQ(find(build.id).attempts[0].reason, "no_space");
  EXPECT_THAT(world.log_of(build.id),
              HasSubstr("slipway: attempt 1 ended: the disk is full; trying again in "));
}

TEST_F(ImpossibleHere, TheLogOfAnInternalErrorIsLost) {
  make();
  const Build build = world.submit("app");
  for (int attempt = 1; attempt <= 4; ++attempt) {
    scheduler->step();
    const WorkerCredential credential = register_worker(build.id);
    const std::uint64_t size = world.logs->size(build.id).value();
    ASSERT_TRUE(world.logs
                    ->append(build.id, size, "work of attempt " + std::to_string(attempt) + "\n",
                             world.queue->guard(credential))
                    .ok());
    scheduler->step();
    local.end(worker(build.id), "killed by signal 9");
    run_for(5s);
  }
  EXPECT_EQ(find(build.id).state, BuildState::failed);
  const std::string log = world.log_of(build.id);
  for (int attempt = 1; attempt <= 4; ++attempt)
    EXPECT_THAT(log, HasSubstr("work of attempt " + std::to_string(attempt) + "\n"));
  EXPECT_THAT(log, HasSubstr("ended without a report: killed by signal 9"));
}

TEST_F(ImpossibleHere, BuildsAreFoundByPolling) {
  Told<int> starts;
  local.set_slots(100);
  local.on_start = [&](const WorkerRequest&) -> Result<void> {
    starts.change([](int& count) { ++count; });
    return {};
  };
  make();
  EXPECT_EQ(scheduler->step(), std::nullopt) << "it wants to be woken by nothing but work";
  scheduler->run();
  for (int i = 0; i < 20; ++i) world.submit("app");  // the clock moves by 20 ms in all
  starts.wait_until([](int count) { return count == 20; });
  scheduler->stop();
}

}  // namespace
}  // namespace slipway
