#include <slipway/build/scheduler.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/build/memory_backend.hpp"
#include "tests/build/queue_world.hpp"
#include "tests/build/wait_for.hpp"

namespace slipway {
namespace {

using namespace slipway::test;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SchedulerTest : public testing::Test {
 protected:
  SchedulerTest() { options.server_url = "http://registry.example"; }

  void make(std::vector<BuildBackend*> backends) {
    used = std::move(backends);
    scheduler.reset();
    scheduler =
        make_scheduler(world.stores->metadata(), *world.queue, used, world.clock, options).value();
  }
  void make() { make({&local}); }

  /// As after the end of the server's process: what only memory held is gone.
  void restart() {
    scheduler.reset();
    world.reopen();
    make(used);
    scheduler->step();
  }

  Build find(const std::string& id) { return world.queue->find(id).value(); }
  BuildState state(const std::string& id) { return find(id).state; }
  std::string worker(const std::string& id) { return find(id).attempts.back().worker; }

  WorkerCredential register_worker(const std::string& id, MemoryBackend& backend) {
    const auto registered = world.queue->register_worker(backend.token_of(worker(id)), some_nonce);
    EXPECT_TRUE(registered.ok()) << registered.error().message;
    return {id, find(id).epoch};
  }
  WorkerCredential register_worker(const std::string& id) { return register_worker(id, local); }

  /// Steps whenever the scheduler wants to be woken, until then.
  void run_for(std::chrono::nanoseconds duration) {
    const MonotonicTime end = world.clock.monotonic() + duration;
    for (int steps = 0; steps < 10'000; ++steps) {
      const auto next = scheduler->step();
      if (!next || *next > end) {
        world.clock.advance(end - world.clock.monotonic());
        scheduler->step();
        return;
      }
      if (*next > world.clock.monotonic()) world.clock.advance(*next - world.clock.monotonic());
    }
    FAIL() << "the scheduler spins";
  }

  QueueWorld world;
  MemoryBackend local{"local", 2};
  MemoryBackend cluster{"cluster", 2};
  SchedulerOptions options;
  std::vector<BuildBackend*> used;
  std::unique_ptr<Scheduler> scheduler;
};

// The nanoseconds until then are more than 64 bits hold.
TEST_F(SchedulerTest, ABuildOfAnotherMillenniumDoesNotKeepItAwake) {
  make();
  BuildRequest request = request_for("app/web");
  request.not_before = parse_rfc3339("2999-01-01T00:00:00Z").value();
  world.submit(request);
  const MonotonicTime now = world.clock.monotonic();
  const auto next = scheduler->step();
  ASSERT_TRUE(next.has_value());
  EXPECT_GT(*next, now);
  EXPECT_LE(*next, now + 1h) << "the clock may be set meanwhile";
}

TEST_F(SchedulerTest, StartsAWorkerForABuild) {
  make();
  EXPECT_EQ(scheduler->step(), std::nullopt) << "nothing to wake for";
  BuildRequest request = request_for("app/web");
  request.platforms = {"linux/arm64"};
  const Build build = world.submit(request);
  scheduler->step();
  EXPECT_EQ(state(build.id), BuildState::starting);
  ASSERT_EQ(local.requests().size(), 1U);
  const WorkerRequest started = local.requests().front();
  EXPECT_EQ(started.name, worker(build.id));
  EXPECT_EQ(started.build, build.id);
  EXPECT_EQ(started.repository, "app/web");
  EXPECT_EQ(started.server_url, "http://registry.example");
  EXPECT_EQ(started.platform, "linux/arm64");
  EXPECT_TRUE(find(build.id).times.started.has_value());
  register_worker(build.id);
  EXPECT_EQ(state(build.id), BuildState::running);
}

TEST_F(SchedulerTest, StopsTheWorkerOfACancelledBuildAtOnce) {
  make();
  const Build build = world.submit("app");
  scheduler->step();
  const std::string name = worker(build.id);
  register_worker(build.id);
  scheduler->step();
  ASSERT_TRUE(world.queue->cancel(build.id, "requested").ok());
  scheduler->step();
  EXPECT_FALSE(local.has(name));
  EXPECT_EQ(local.room().free, 2U);
}

TEST_F(SchedulerTest, LetsAWorkerThatHasReportedCleanUp) {
  make();
  const Build build = world.submit("app");
  scheduler->step();
  const std::string name = worker(build.id);
  const WorkerCredential attempt = register_worker(build.id);
  scheduler->step();
  ASSERT_TRUE(world.queue->succeed(attempt, world.push_manifest("app")).ok());
  scheduler->step();
  EXPECT_TRUE(local.has(name)) << "it has a while";
  local.end(name, "exit status 0");
  scheduler->step();
  EXPECT_FALSE(local.has(name)) << "it has ended: forgotten";

  const Build hangs = world.submit("app");
  scheduler->step();
  const std::string second = worker(hangs.id);
  ASSERT_TRUE(world.queue->succeed(register_worker(hangs.id), world.push_manifest("app")).ok());
  run_for(1min);
  EXPECT_FALSE(local.has(second)) << "but not for ever";
  EXPECT_EQ(scheduler->step(), std::nullopt);
}

TEST_F(SchedulerTest, FillsTheRoomThereIsAndNoMore) {
  make();
  std::vector<Build> builds;
  for (int i = 0; i < 5; ++i) builds.push_back(world.submit("app"));
  scheduler->step();
  EXPECT_EQ(local.requests().size(), 2U);
  EXPECT_EQ(state(builds[1].id), BuildState::starting);
  EXPECT_EQ(state(builds[2].id), BuildState::queued);
  EXPECT_EQ(find(builds[2].id).epoch, 0U) << "waiting costs nothing";
  EXPECT_EQ(scheduler->explain(find(builds[2].id))->why, "backend local: all 2 slots are in use");
  EXPECT_EQ(scheduler->explain(find(builds[3].id))->position, 2U);

  ASSERT_TRUE(world.queue->cancel(builds[0].id, "requested").ok());
  scheduler->step();
  EXPECT_EQ(state(builds[2].id), BuildState::starting);
}

TEST_F(SchedulerTest, GoesToTheNextBackendWhenOneIsFull) {
  make({&local, &cluster});
  std::vector<Build> builds;
  for (int i = 0; i < 5; ++i) builds.push_back(world.submit("app"));
  scheduler->step();
  EXPECT_EQ(local.requests().size(), 2U);
  EXPECT_EQ(cluster.requests().size(), 2U);
  EXPECT_EQ(state(builds[4].id), BuildState::queued);
}

TEST_F(SchedulerTest, CapacityIsNoFailure) {
  local.claims_room = true;  // and every start says that there is none
  local.set_slots(0);
  make();
  const Build build = world.submit("app");
  run_for(10min);
  EXPECT_EQ(state(build.id), BuildState::queued);
  EXPECT_EQ(find(build.id).failed_attempts, 0U);
  EXPECT_GT(find(build.id).epoch, 10U) << "it is tried again and again";
  EXPECT_LT(find(build.id).epoch, 40U) << "but not without a pause";
  EXPECT_THAT(local.take_calls(), testing::Each(testing::StartsWith("start")))
      << "what was not started needs no stop";

  local.set_slots(1);
  local.tell({BackendEvent::Kind::room, "", ""});
  scheduler->step();
  EXPECT_EQ(state(build.id), BuildState::starting) << "room ends the pause";
}

TEST_F(SchedulerTest, ABackendThatFailsIsLeftAloneForAWhile) {
  local.on_start = [](const WorkerRequest&) -> Result<void> {
    return Error(ErrorCode::io, "cannot fork");
  };
  make({&local, &cluster});
  const Build build = world.submit("app");
  scheduler->step();
  EXPECT_EQ(state(build.id), BuildState::queued);
  EXPECT_EQ(find(build.id).attempts.back().outcome, AttemptOutcome::infrastructure);
  EXPECT_EQ(find(build.id).attempts.back().reason, "start_failed");
  run_for(600ms);
  EXPECT_EQ(state(build.id), BuildState::starting);
  EXPECT_EQ(find(build.id).attempts.back().backend, "cluster");
  EXPECT_EQ(find(build.id).attempts.back().number, 2U);
}

TEST_F(SchedulerTest, AWorkerThatEndsWithoutAReportIsReplaced) {
  make();
  const Build build = world.submit("app");
  scheduler->step();
  const std::string first = worker(build.id);
  const WorkerCredential attempt = register_worker(build.id);
  scheduler->step();
  local.end(first, "killed by signal 9");
  scheduler->step();
  EXPECT_EQ(state(build.id), BuildState::queued);
  EXPECT_EQ(find(build.id).attempts[0].outcome, AttemptOutcome::lost);
  EXPECT_EQ(find(build.id).attempts[0].reason, "worker_lost");
  EXPECT_THAT(world.log_of(build.id), HasSubstr("killed by signal 9"));
  EXPECT_FALSE(local.has(first));
  EXPECT_FALSE(world.queue->heartbeat(attempt).ok());
  run_for(1s);
  EXPECT_EQ(state(build.id), BuildState::starting);
  EXPECT_NE(worker(build.id), first);
}

TEST_F(SchedulerTest, AWorkerThatCannotStartCountsAsInfrastructure) {
  make();
  const Build build = world.submit("app");
  scheduler->step();
  local.tell({BackendEvent::Kind::cannot_start, worker(build.id), "ErrImagePull"});
  scheduler->step();
  EXPECT_EQ(find(build.id).attempts[0].outcome, AttemptOutcome::infrastructure);
  EXPECT_EQ(find(build.id).attempts[0].reason, "cannot_start");
}

TEST_F(SchedulerTest, AWorkerThatNeverRegistersIsReplaced) {
  make();
  const Build build = world.submit("app");
  scheduler->step();
  const std::string first = worker(build.id);
  run_for(119s);
  EXPECT_EQ(state(build.id), BuildState::starting);
  EXPECT_EQ(worker(build.id), first);
  run_for(2s);
  EXPECT_EQ(find(build.id).attempts[0].outcome, AttemptOutcome::lost);
  EXPECT_EQ(find(build.id).attempts[0].reason, "start_timeout");
  EXPECT_FALSE(local.has(first));
}

TEST_F(SchedulerTest, ASilentWorkerIsReplacedAndOneThatIsHeardIsNot) {
  make();
  const Build silent = world.submit("app");
  const Build heard = world.submit("app");
  scheduler->step();
  register_worker(silent.id);
  const WorkerCredential alive = register_worker(heard.id);
  const std::string lost = worker(silent.id);
  for (int i = 0; i < 11; ++i) {
    run_for(5s);
    ASSERT_TRUE(world.queue->heartbeat(alive).ok());
  }
  EXPECT_EQ(state(silent.id), BuildState::running) << "55 s";
  run_for(6s);
  EXPECT_FALSE(local.has(lost));
  EXPECT_EQ(find(silent.id).attempts[0].outcome, AttemptOutcome::lost);
  EXPECT_EQ(state(heard.id), BuildState::running);
  run_for(53s);
  EXPECT_EQ(state(heard.id), BuildState::running) << "59 s after its last heartbeat";
  run_for(2s);
  EXPECT_EQ(find(heard.id).attempts[0].outcome, AttemptOutcome::lost);
}

TEST_F(SchedulerTest, ABuildThatTakesTooLongIsEnded) {
  make();
  BuildRequest request = request_for("app");
  request.timeout = 20s;
  const Build build = world.submit(request);
  scheduler->step();
  const std::string name = worker(build.id);
  const WorkerCredential attempt = register_worker(build.id);
  run_for(45s);
  EXPECT_EQ(state(build.id), BuildState::running) << "the worker may still report it itself";
  ASSERT_TRUE(world.queue->heartbeat(attempt).ok());
  run_for(10s);
  EXPECT_EQ(state(build.id), BuildState::failed);
  EXPECT_EQ(find(build.id).failure->failure_class, FailureClass::timeout);
  EXPECT_FALSE(local.has(name));
}

TEST_F(SchedulerTest, ABuildThatDoesNotStartInTimeFails) {
  options.queue_timeout = 10min;
  local.set_slots(0);
  make();
  const Build build = world.submit("app");
  run_for(9min);
  EXPECT_EQ(state(build.id), BuildState::queued);
  run_for(2min);
  EXPECT_EQ(state(build.id), BuildState::failed);
  EXPECT_EQ(find(build.id).failure->reason, "queue_timeout");
  EXPECT_EQ(find(build.id).failure->failure_class, FailureClass::timeout);
  const Build second = world.submit("app");
  run_for(11min);
  EXPECT_EQ(find(second.id).failure->reason, "queue_timeout");
}

TEST_F(SchedulerTest, ABuildWhoseLogStandsStillIsEnded) {
  options.idle_log_timeout = 2min;
  local.set_slots(3);
  make();
  const Build still = world.submit("app");
  const Build talks = world.submit("app");
  const Build pushes = world.submit("app");
  scheduler->step();
  std::map<std::string, WorkerCredential> attempts;
  for (const std::string& id : {still.id, talks.id, pushes.id}) attempts[id] = register_worker(id);
  ASSERT_TRUE(world.queue->begin_phase(attempts[pushes.id], BuildPhase::pushing, "").ok());
  const std::string hung = worker(still.id);
  for (int i = 0; i < 5; ++i) {
    run_for(30s);
    for (const auto& [id, attempt] : attempts) (void)world.queue->heartbeat(attempt);
    world.queue->note_output(attempts[talks.id]);
    if (i == 2) {
      EXPECT_EQ(state(still.id), BuildState::running) << "90 s";
    }
  }
  EXPECT_EQ(state(still.id), BuildState::failed);
  EXPECT_EQ(find(still.id).failure->reason, "idle_log");
  EXPECT_EQ(find(still.id).failure->failure_class, FailureClass::timeout);
  EXPECT_FALSE(local.has(hung));
  EXPECT_EQ(state(talks.id), BuildState::running);
  EXPECT_EQ(state(pushes.id), BuildState::running) << "a push says nothing";
}

TEST_F(SchedulerTest, TheFirstRetryIsWithinASecondAndElsewhere) {
  make({&local, &cluster});
  const Build build = world.submit("app");
  scheduler->step();
  ASSERT_EQ(find(build.id).attempts.back().backend, "local");
  local.end(worker(build.id), "killed by signal 9");
  scheduler->step();
  EXPECT_EQ(state(build.id), BuildState::queued);
  run_for(1s);
  EXPECT_EQ(state(build.id), BuildState::starting);
  EXPECT_EQ(find(build.id).attempts.back().backend, "cluster") << "although local has room";
}

TEST_F(SchedulerTest, KeepsTheCapsOfRepositoriesAndBackends) {
  options.rules.repositories = {{"app/heavy", 1}};
  options.rules.backends = {{"cluster", 1}};
  cluster.set_slots(9);
  make({&cluster});
  const Build first = world.submit("app/heavy");
  const Build second = world.submit("app/heavy");
  const Build other = world.submit("app/light");
  scheduler->step();
  EXPECT_EQ(cluster.requests().size(), 1U);
  EXPECT_EQ(scheduler->explain(find(second.id))->reason, WaitReason::repository_cap);
  EXPECT_EQ(scheduler->explain(find(other.id))->why,
            "backend cluster: at its cap of 1 running build");
  ASSERT_TRUE(world.queue->cancel(first.id, "requested").ok());
  scheduler->step();
  EXPECT_EQ(state(second.id), BuildState::starting);
  EXPECT_EQ(state(other.id), BuildState::queued);
}

TEST_F(SchedulerTest, StopsAreRepeatedUntilTheyWork) {
  make();
  const Build build = world.submit("app");
  scheduler->step();
  const std::string name = worker(build.id);
  local.stops_fail = 3;
  ASSERT_TRUE(world.queue->cancel(build.id, "requested").ok());
  scheduler->step();
  EXPECT_TRUE(local.has(name));
  run_for(1min);
  EXPECT_FALSE(local.has(name));
  EXPECT_EQ(scheduler->step(), std::nullopt);
}

TEST_F(SchedulerTest, KeepsCapsAndSharesFairly) {
  options.rules.tenants["greedy"].max_running = 3;
  local.set_slots(8);
  make();
  for (int i = 0; i < 20; ++i) world.submit("greedy/app");
  for (int i = 0; i < 3; ++i) world.submit("modest/app");
  scheduler->step();
  std::map<std::string, int> started;
  for (const WorkerRequest& request : local.requests()) ++started[request.repository];
  EXPECT_EQ(started["greedy/app"], 3);
  EXPECT_EQ(started["modest/app"], 3);
}

TEST_F(SchedulerTest, RoutesThatLeadNowhereAreRefused) {
  options.rules.routes = {{"**", {"moon"}}};
  const auto refused =
      make_scheduler(world.stores->metadata(), *world.queue, {&local}, world.clock, options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(refused.error().message, HasSubstr("moon"));
  MemoryBackend twin("local", 1);
  options.rules = {};
  EXPECT_EQ(
      make_scheduler(world.stores->metadata(), *world.queue, {&local, &twin}, world.clock, options)
          .error()
          .code,
      ErrorCode::invalid_argument);
}

// ---- adoption ----

TEST_F(SchedulerTest, ARestartCostsNoTryWhenTheWorkersLive) {
  make();
  const Build starting = world.submit("app");
  const Build running = world.submit("app");
  scheduler->step();
  const WorkerCredential attempt = register_worker(running.id);
  scheduler->step();
  world.clock.advance(50s);
  for (int i = 0; i < 5; ++i) {
    restart();
    world.clock.advance(50s);
    scheduler->step();
  }
  EXPECT_EQ(find(starting.id).epoch, 1U) << "each restart begins the deadline anew";
  EXPECT_EQ(find(running.id).epoch, 1U);
  EXPECT_EQ(state(running.id), BuildState::running);
  EXPECT_TRUE(world.queue->heartbeat(attempt).ok());
  register_worker(starting.id);
  EXPECT_EQ(state(starting.id), BuildState::running);
  EXPECT_EQ(local.room().free, 0U) << "nothing was started twice";
  restart();
  run_for(61s);
  EXPECT_EQ(find(running.id).attempts[0].outcome, AttemptOutcome::lost) << "silent at last";
}

TEST_F(SchedulerTest, AWorkerThatWasNeverStartedCostsNoTry) {
  const Build build = world.submit("app");
  ASSERT_TRUE(world.queue->lease(build.id, "local").ok());  // and then the server died
  make();
  EXPECT_EQ(state(build.id), BuildState::queued);
  scheduler->step();
  EXPECT_EQ(state(build.id), BuildState::starting);
  EXPECT_EQ(find(build.id).epoch, 2U);
  EXPECT_EQ(find(build.id).failed_attempts, 0U);
  EXPECT_EQ(find(build.id).attempts.size(), 1U);
  register_worker(build.id);
}

TEST_F(SchedulerTest, ARunningWorkerThatIsGoneIsLost) {
  make();
  const Build gone = world.submit("app");
  const Build ended = world.submit("app");
  scheduler->step();
  register_worker(gone.id);
  register_worker(ended.id);
  scheduler.reset();
  local.lose(worker(gone.id));
  const std::string dead = worker(ended.id);
  local.end(dead);
  restart();
  for (const std::string& id : {gone.id, ended.id}) {
    EXPECT_EQ(find(id).attempts[0].outcome, AttemptOutcome::lost);
    EXPECT_EQ(find(id).attempts[0].reason, "server_lost");
    EXPECT_EQ(find(id).failed_attempts, 0U) << "the server was lost, not the build";
  }
  EXPECT_FALSE(local.has(dead)) << "forgotten";
}

TEST_F(SchedulerTest, WorkersOfNoAttemptAreStopped) {
  local.put("slipway-01jdcz0m4y7w3q6s8n2v5x9k1b-7");
  const Build build = world.submit("app");
  ASSERT_TRUE(world.queue->lease(build.id, "local").ok());
  local.put(worker(build.id));
  ASSERT_TRUE(world.queue->cancel(build.id, "requested").ok());  // while no scheduler ran
  make();
  scheduler->step();
  EXPECT_EQ(local.room().free, 2U);
}

TEST_F(SchedulerTest, AttemptsOfABackendThatIsNoMoreAreLost) {
  make({&local, &cluster});
  for (int i = 0; i < 3; ++i) world.submit("app");
  scheduler->step();
  const Build moved = world.queue->list({}).value().builds.front();
  ASSERT_EQ(moved.attempts.back().backend, "cluster");
  used = {&local};
  restart();
  EXPECT_EQ(find(moved.id).attempts[0].reason, "backend_gone");
}

TEST_F(SchedulerTest, ABackendThatDoesNotAnswerAtTheStartIsAskedAgain) {
  make();
  const Build running = world.submit("app");
  const Build gone = world.submit("app");
  scheduler->step();
  register_worker(running.id);
  register_worker(gone.id);
  scheduler.reset();
  local.lose(worker(gone.id));
  local.put("slipway-orphan-1");
  local.lists_fail = 3;
  restart();
  EXPECT_EQ(state(gone.id), BuildState::running) << "not known to be gone";
  run_for(10s);
  EXPECT_EQ(state(running.id), BuildState::running);
  EXPECT_EQ(find(gone.id).attempts[0].outcome, AttemptOutcome::lost);
  EXPECT_FALSE(local.has("slipway-orphan-1"));
}

TEST_F(SchedulerTest, AnUnknownWorkersEndIsForgotten) {
  make();
  local.put("slipway-stranger-1");
  local.end("slipway-stranger-1");
  scheduler->step();
  EXPECT_FALSE(local.has("slipway-stranger-1"));
}

// ---- with its own threads ----

TEST_F(SchedulerTest, RunsOnItsOwnAndOneSlowBackendHoldsUpNoOther) {
  Told<bool> released;
  Told<int> slow_starts;
  Told<std::set<std::string>> quick_starts;
  local.on_start = [&](const WorkerRequest&) -> Result<void> {
    slow_starts.change([](int& count) { ++count; });
    released.wait_until([](bool now) { return now; });
    return {};
  };
  cluster.on_start = [&](const WorkerRequest& request) -> Result<void> {
    quick_starts.change([&](std::set<std::string>& all) { all.insert(request.build); });
    return {};
  };
  options.rules.routes = {{"slow/**", {"local"}}, {"**", {"cluster"}}};
  make({&local, &cluster});
  scheduler->run();
  const Build slow = world.submit("slow/app");
  slow_starts.wait_until([](int count) { return count == 1; });
  const Build quick = world.submit("quick/app");
  quick_starts.wait_until([&](const auto& all) { return all.contains(quick.id); });
  EXPECT_EQ(state(slow.id), BuildState::starting);
  EXPECT_EQ(find(slow.id).times.started, std::nullopt);

  ASSERT_TRUE(world.queue->cancel(slow.id, "requested").ok());
  released.change([](bool& now) { now = true; });
  const Build another = world.submit("slow/app");
  slow_starts.wait_until([](int count) { return count == 2; });
  scheduler->stop();
  EXPECT_TRUE(is_leased(state(another.id)));
}

TEST_F(SchedulerTest, TheLoopWakesForDeadlines) {
  options.start_timeout = 3s;
  Told<int> starts;
  local.on_start = [&](const WorkerRequest&) -> Result<void> {
    starts.change([](int& count) { ++count; });
    return {};
  };
  make();
  scheduler->run();
  const Build build = world.submit("app");
  for (int attempt = 1; attempt <= 4; ++attempt) {
    // The loop may not wait yet when the clock is advanced: it then finds the time passed.
    while (starts.get() < attempt) world.clock.advance(100ms);
  }
  while (state(build.id) != BuildState::failed) world.clock.advance(100ms);
  scheduler->stop();
  EXPECT_EQ(find(build.id).attempts.size(), 4U);
  EXPECT_EQ(find(build.id).failure->reason, "start_timeout");
}

}  // namespace
}  // namespace slipway
