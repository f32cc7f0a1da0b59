// Some thousand builds through the queue, the scheduler and a backend that misbehaves: workers die
// or fall silent, calls are lost or repeated, stale workers go on, the server restarts, people
// cancel. Whatever happens, each build ends exactly once and caps hold.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <slipway/build/scheduler.hpp>

#include "tests/build/memory_backend.hpp"
#include "tests/build/queue_world.hpp"
#include "tests/storage/random_seed.hpp"

namespace slipway {
namespace {

using namespace slipway::test;
using namespace std::chrono_literals;

constexpr std::size_t builds_in_all = 2000;
constexpr std::size_t cap = 3;
const std::vector<std::string> repositories{"capped/a", "capped/b", "free/a", "other/a"};

/// A worker program: what it knows, and how far it is.
struct SimulatedWorker {
  std::string name;
  std::string token;
  std::string nonce;
  MemoryBackend* backend = nullptr;
  WorkerCredential attempt;
  int step = 0;  // 0: not registered; 1 to 3: phases; 4: reports
  bool silent = false;
};

class Simulation : public testing::Test {
 protected:
  Simulation() {
    options.rules.tenants["capped"].max_running = cap;
    options.start_timeout = 30s;
    options.silence_timeout = 20s;
    for (const std::string& repository : repositories)
      images.emplace(repository, world.push_manifest(repository));
    restart();
  }

  bool chance(double probability) {
    return std::uniform_real_distribution<double>(0, 1)(random) < probability;
  }
  std::size_t pick(std::size_t size) {
    return std::uniform_int_distribution<std::size_t>(0, size - 1)(random);
  }

  void restart() {
    scheduler.reset();
    world.reopen();
    scheduler = make_scheduler(world.stores->metadata(), *world.queue, {&first, &second},
                               world.clock, options)
                    .value();
  }

  void submit() {
    BuildRequest request =
        request_for(repositories[pick(repositories.size())], static_cast<int>(pick(3)));
    const Build build = world.submit(request);
    all.push_back(build.id);
  }

  /// New processes of the backends become workers, and those whose process is gone go.
  void meet_workers() {
    for (MemoryBackend* backend : {&first, &second})
      for (const WorkerRequest& request : backend->requests()) {
        if (request.name.empty() || workers.contains(request.name)) continue;
        SimulatedWorker worker;
        worker.name = request.name;
        worker.token = request.registration_token;
        worker.nonce = std::string(some_nonce) + std::to_string(workers_met++);
        worker.backend = backend;
        worker.attempt.build = request.build;
        workers[request.name] = worker;
      }
  }

  void report(SimulatedWorker& worker) {
    const Build build = world.queue->find(worker.attempt.build).value();
    bool accepted = false;
    if (chance(0.75)) {
      accepted =
          world.queue->succeed(worker.attempt, images.at(build.request.repository.str())).ok();
    } else {
      BuildFailure failure;
      failure.failure_class = static_cast<FailureClass>(pick(3));
      failure.reason = "simulated";
      accepted = world.queue->fail(worker.attempt, failure).ok();
    }
    if (accepted) ++reports[worker.attempt.build];
    if (chance(0.3)) {  // the answer was lost: once more
      EXPECT_FALSE(
          world.queue->succeed(worker.attempt, images.at(build.request.repository.str())).ok());
    }
  }

  /// Answers false when the process ends.
  bool act(SimulatedWorker& worker) {
    if (worker.silent) return !chance(0.01);
    if (chance(0.01)) return false;  // it crashes
    if (chance(0.01)) worker.silent = true;
    if (worker.step == 0) {
      const auto registered = world.queue->register_worker(worker.token, worker.nonce);
      if (!registered) return false;  // its attempt is over
      worker.attempt.epoch = registered->build.epoch;
      if (chance(0.1)) {
        EXPECT_EQ(world.queue->register_worker(worker.token, worker.nonce)->token,
                  registered->token);
        EXPECT_FALSE(world.queue->register_worker(worker.token, other_nonce).ok());
      }
    } else if (worker.step < 4) {
      const auto phase = static_cast<BuildPhase>(worker.step - 1);
      if (!world.queue->begin_phase(worker.attempt, phase, "").ok()) return false;
      const std::uint64_t size = world.logs->size(worker.attempt.build).value();
      if (!world.logs->append(worker.attempt.build, size, "work\n",
                              world.queue->guard(worker.attempt)))
        return false;
    } else {
      report(worker);
      return false;
    }
    if (chance(0.8)) ++worker.step;
    if (!chance(0.1)) return world.queue->heartbeat(worker.attempt).ok();
    return true;
  }

  void let_workers_act() {
    for (auto at = workers.begin(); at != workers.end();) {
      SimulatedWorker& worker = at->second;
      const bool there = worker.backend->has(worker.name);
      if (!there && chance(0.5)) {  // stopped; the others have not noticed yet
        at = workers.erase(at);
        continue;
      }
      if (chance(0.7) && !act(worker)) {
        worker.backend->end(worker.name);
        at = workers.erase(at);
        continue;
      }
      ++at;
    }
  }

  void check_caps() {
    std::map<std::string, std::size_t, std::less<>> out;
    std::map<std::string, std::size_t> by_backend;
    const std::vector<Build> leased = world.queue->leased_builds().value();
    for (const Build& build : leased) {
      ++out[std::string(build.tenant())];
      ++by_backend[build.attempts.back().backend];
    }
    ASSERT_LE(out["capped"], cap);
    ASSERT_LE(first.room().total - first.room().free, 4U);
    const QueueSummary summary = world.queue->summary().value();
    for (const auto& [tenant, numbers] : summary.tenants) ASSERT_EQ(numbers.leased, out[tenant]);
    for (const auto& [backend, count] : by_backend)
      ASSERT_EQ(summary.leased_by_backend.at(backend), count);
    ASSERT_EQ(summary.leased_by_backend.size(), by_backend.size());
  }

  void end_of(const Build& build) {
    ASSERT_TRUE(is_final(build.state)) << build.id << " is " << to_string(build.state);
    unsigned costly = 0;
    for (const BuildAttempt& attempt : build.attempts) {
      ASSERT_TRUE(attempt.outcome.has_value());
      if (*attempt.outcome != AttemptOutcome::cancelled &&
          *attempt.outcome != AttemptOutcome::succeeded &&
          *attempt.outcome != AttemptOutcome::no_room)
        ++costly;
    }
    EXPECT_EQ(costly, build.failed_attempts);
    EXPECT_LE(costly, 4U);
    EXPECT_EQ(build.state == BuildState::succeeded, build.digest.has_value());
    EXPECT_EQ(build.state == BuildState::failed, build.failure.has_value());
    if (build.state == BuildState::failed &&
        build.failure->failure_class == FailureClass::infrastructure) {
      EXPECT_EQ(costly, 4U) << "not before its tries are used";
    }
    EXPECT_LE(*build.times.queued, *build.times.finished);
    const std::string log = world.log_of(build.id);
    const auto ends = [&log](std::string_view line) {
      std::size_t count = 0;
      for (std::size_t at = log.find(line); at != std::string::npos; at = log.find(line, at + 1))
        ++count;
      return count;
    };
    EXPECT_EQ(ends("slipway: succeeded") + ends("slipway: failed") + ends("slipway: cancelled"), 1U)
        << log;
  }

  QueueWorld world;
  MemoryBackend first{"first", 4};
  MemoryBackend second{"second", 4};
  SchedulerOptions options;
  std::unique_ptr<Scheduler> scheduler;
  std::map<std::string, Digest> images;
  std::vector<std::string> all;
  std::map<std::string, SimulatedWorker> workers;
  std::map<std::string, int> reports;
  std::size_t workers_met = 0;
  std::mt19937_64 random{random_seed()};
};

TEST_F(Simulation, EveryBuildEndsOnceAndCapsHold) {
  first.on_start = [this](const WorkerRequest&) -> Result<void> {
    if (chance(0.02)) return Error(ErrorCode::unavailable, "no room after all");
    if (chance(0.01)) return Error(ErrorCode::io, "out of order");
    return {};
  };
  for (std::size_t round = 0;; ++round) {
    ASSERT_LT(round, 200'000U) << "it does not come to an end";
    if (all.size() < builds_in_all)
      for (int i = 0; i < 3; ++i) submit();
    scheduler->step();
    meet_workers();
    let_workers_act();
    if (chance(0.02)) (void)world.queue->cancel(all[pick(all.size())], "requested");
    if (chance(0.01)) restart();
    if (round % 16 == 0) check_caps();
    world.clock.advance(std::chrono::milliseconds(pick(800)));
    if (all.size() >= builds_in_all && world.queue->summary()->tenants.empty()) break;
  }
  std::map<BuildState, std::size_t> ends;
  for (const std::string& id : all) {
    const Build build = world.queue->find(id).value();
    ASSERT_NO_FATAL_FAILURE(end_of(build));
    ++ends[build.state];
  }
  for (BuildState state : {BuildState::succeeded, BuildState::failed, BuildState::cancelled})
    EXPECT_GT(ends[state], 0U) << "the simulation reached " << to_string(state);

  workers.clear();
  for (int i = 0; i < 60; ++i) {
    scheduler->step();
    world.clock.advance(1s);
  }
  EXPECT_EQ(first.room().free, 4U) << "no worker is left behind";
  EXPECT_EQ(second.room().free, 4U);
}

}  // namespace
}  // namespace slipway
