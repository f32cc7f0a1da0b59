// Ten thousand builds through the queue, the scheduler and backends that misbehave, with a virtual
// clock: the server is killed before and after commits and between them; workers die, fall silent
// or go on when they were replaced; calls are lost before they arrive, or their answers after;
// calls are repeated; backends have no room after all, or fail; people cancel. Whatever happens:
// each build ends exactly once, caps hold at each moment, logs have no hole and no repeat, shares
// converge to the weights, and nothing starves.
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

constexpr std::size_t tenant_cap = 3;
constexpr std::size_t repository_cap = 2;
constexpr std::size_t backend_cap = 5;  // of second, which has more slots
/// Starts of others that a tenant below its cap sees at the most while it waits: with 12 places and
/// weights of 1 to 3 a turn comes round after some ten; ends of builds come in no order.
constexpr std::size_t longest_wait = 50;
const std::vector<std::string> repositories{"capped/a", "capped/b",     "light/a", "heavy/a",
                                            "heavy/b",  "mixed/narrow", "mixed/wide"};

/// A worker program: what it knows, and how far it is.
struct SimulatedWorker {
  std::string name;
  std::string token;
  std::string nonce;
  MemoryBackend* backend = nullptr;
  WorkerCredential attempt;
  std::uint64_t log_offset = 0;
  unsigned lines = 0;  // of its log that were acknowledged
  int step = 0;        // 0: not registered; 1 to 3: phases; 4: reports
  bool silent = false;
};

/// How long each tenant's builds were out, while all of some tenants had builds that waited.
struct Share {
  double out = 0;
  std::size_t starts_of_others = 0;  // while it waited with nothing running
};

class SimulatedSystem {
 public:
  SimulatedSystem(std::uint64_t seed, std::size_t builds) : builds_in_all(builds), random(seed) {
    options.rules.tenants["capped"].max_running = tenant_cap;
    options.rules.tenants["heavy"].weight = 3;
    options.rules.tenants["mixed"].weight = 2;
    options.rules.repositories = {{"mixed/narrow", repository_cap}};
    options.rules.backends["second"] = backend_cap;
    options.start_timeout = 30s;
    options.silence_timeout = 20s;
    for (const std::string& repository : repositories)
      images.emplace(repository, world.push_manifest(repository));
    world.watch = [this](std::string_view where) {
      if (killing && chance(0.0003)) throw Killed{std::string(where)};
    };
    first.on_start = [this](const WorkerRequest& request) { return on_start(request); };
    second.on_start = first.on_start;
    restart();
  }
  ~SimulatedSystem() { world.watch = {}; }
  SimulatedSystem(const SimulatedSystem&) = delete;
  SimulatedSystem& operator=(const SimulatedSystem&) = delete;

  double fraction() { return std::uniform_real_distribution<double>(0, 1)(random); }
  bool chance(double probability) { return fraction() < probability; }
  std::size_t pick(std::size_t size) {
    return std::uniform_int_distribution<std::size_t>(0, size - 1)(random);
  }

  Result<void> on_start(const WorkerRequest& request) {
    if (killing && chance(0.0005)) throw Killed{"before a start"};
    if (chance(0.02)) return Error(ErrorCode::unavailable, "no room after all");
    if (chance(0.002)) return Error(ErrorCode::io, "out of order");
    const std::string tenant = request.repository.substr(0, request.repository.find('/'));
    for (auto& [name, share] : shares) ++share.starts_of_others;
    shares[tenant].starts_of_others = 0;
    return {};
  }

  void restart() {
    open_until_one_survives([this] {
      scheduler.reset();
      world.restart();
      scheduler = make_scheduler(world.stores->metadata(), *world.queue, {&first, &second},
                                 world.clock, options)
                      .value();
    });
  }

  /// What asks the server for something. False: it was killed meanwhile, and another one runs.
  template <class Call>
  bool server(const Call& call) {
    if (survives(call)) return true;
    ++kills;
    restart();
    return false;
  }

  /// A repeated delivery makes no second build, whether its answer was lost or not.
  void submit() {
    BuildRequest request =
        request_for(repositories[pick(repositories.size())], static_cast<int>(pick(3)));
    request.trigger = BuildTrigger{"trigger", "github", std::to_string(all.size()), false};
    if (chance(0.05)) request.not_before = world.clock.now() + 5s;
    std::string id;
    while (!server([&] { id = world.submit(request).id; })) {
    }
    if (chance(0.1))
      server([&] { EXPECT_EQ(world.queue->submit(request)->id, id) << "a repeated delivery"; });
    all.push_back(id);
  }

  /// New processes of the backends become workers.
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

  /// A worker's call: false when it was lost on its way, or its answer was.
  template <class Call>
  bool call(const Call& made) {
    if (chance(0.02)) return false;
    return server(made) && !chance(0.02);
  }

  /// Each answers false when the worker was told that its attempt is over.
  bool register_worker(SimulatedWorker& worker) {
    bool accepted = true;
    const bool answered = call([&] {
      const auto registered = world.queue->register_worker(worker.token, worker.nonce);
      accepted = registered.ok();
      if (!registered) return;
      worker.attempt.epoch = registered->build.epoch;
      worker.log_offset = registered->log_offset;
      if (chance(0.1)) {
        EXPECT_FALSE(world.queue->register_worker(worker.token, other_nonce).ok());
      }
    });
    if (answered && accepted) ++worker.step;
    return accepted;
  }

  static std::string line_of(const std::string& worker, std::size_t number) {
    return "line of " + worker + " " + std::to_string(number) + "\n";
  }

  bool begin_phase(SimulatedWorker& worker) {
    bool accepted = true;
    const auto phase = static_cast<BuildPhase>(worker.step - 1);
    const bool answered =
        call([&] { accepted = world.queue->begin_phase(worker.attempt, phase, "").ok(); });
    if (!accepted) return false;
    const std::string line = line_of(worker.name, worker.lines);
    const bool logged = call([&] {
      accepted = world.logs
                     ->append(worker.attempt.build, worker.log_offset, line,
                              world.queue->guard(worker.attempt))
                     .ok();
    });
    if (!accepted) return false;
    if (!logged || !answered) return true;  // both again
    worker.log_offset += line.size();
    ++worker.lines;
    if (chance(0.8)) ++worker.step;
    return true;
  }

  bool report(SimulatedWorker& worker) {
    const bool succeeds = chance(0.75);
    BuildFailure failure{static_cast<FailureClass>(pick(3)), "simulated", "", {}};
    const bool answered = call([&] {
      const auto build = world.queue->find(worker.attempt.build);
      if (succeeds)
        (void)world.queue->succeed(worker.attempt, images.at(build->request.repository.str()));
      else
        (void)world.queue->fail(worker.attempt, failure);
    });
    return !answered;  // it repeats what was not answered, and ends when it was
  }

  /// Answers false when the process ends.
  bool act(SimulatedWorker& worker) {
    if (worker.silent) return !chance(0.01);
    if (chance(0.01)) return false;  // it crashes
    if (chance(0.01)) worker.silent = true;
    if (worker.step == 0) return register_worker(worker);
    if (worker.step == 4) return report(worker);
    if (!begin_phase(worker)) return false;
    bool alive = true;
    if (chance(0.3)) call([&] { alive = world.queue->heartbeat(worker.attempt).ok(); });
    return alive;
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
    const std::vector<Build> leased = world.queue->leased_builds().value();
    std::map<std::string, std::size_t, std::less<>> by_tenant;
    std::map<std::string, std::size_t> by_repository;
    std::map<std::string, std::size_t> by_backend;
    for (const Build& build : leased) {
      ++by_tenant[std::string(build.tenant())];
      ++by_repository[build.request.repository.str()];
      ++by_backend[build.attempts.back().backend];
    }
    ASSERT_LE(by_tenant["capped"], tenant_cap);
    ASSERT_LE(by_repository["mixed/narrow"], repository_cap);
    ASSERT_LE(by_backend["second"], backend_cap);
    ASSERT_LE(by_backend["first"], 8U);
    const QueueSummary summary = world.queue->summary().value();
    for (const auto& [tenant, numbers] : summary.tenants)
      ASSERT_EQ(numbers.leased, by_tenant[tenant]);
    for (const auto& [backend, count] : summary.leased_by_backend)
      ASSERT_EQ(count, by_backend[backend]);
    note_shares(summary, by_tenant);
  }

  void note_shares(const QueueSummary& summary,
                   const std::map<std::string, std::size_t, std::less<>>& out) {
    bool all_wait = true;
    for (const char* tenant : {"light", "heavy", "mixed"}) {
      const auto found = summary.tenants.find(tenant);
      all_wait = all_wait && found != summary.tenants.end() && found->second.queued > 30;
    }
    for (const auto& [tenant, numbers] : summary.tenants) {
      Share& share = shares[tenant];
      const bool may_start = std::any_of(
          numbers.front.begin(), numbers.front.end(), [&, &name = tenant](const QueueHead& head) {
            if (name == "capped") return numbers.leased < tenant_cap;
            return head.repository != "mixed/narrow" ||
                   numbers.repositories.at(head.repository).leased < repository_cap;
          });
      // Who has something running may have its share in builds that take long.
      if (!may_start || numbers.leased > 0) share.starts_of_others = 0;
      ASSERT_LE(share.starts_of_others, longest_wait) << tenant << " starves";
      if (all_wait)
        if (const auto found = out.find(tenant); found != out.end())
          share.out += static_cast<double>(found->second);
    }
    if (all_wait) ++rounds_of_all;
  }

  void check_shares() {
    ASSERT_GT(rounds_of_all, 300U) << "the simulation had all tenants wait for long enough";
    const double unit = shares["light"].out;
    std::cout << "shares of light, mixed, heavy: 1 : " << shares["mixed"].out / unit << " : "
              << shares["heavy"].out / unit << "\n";
    EXPECT_NEAR(shares["mixed"].out / unit, 2, 0.3);
    EXPECT_NEAR(shares["heavy"].out / unit, 3, 0.45);
  }

  void check_end(const Build& build) {
    ASSERT_TRUE(is_final(build.state)) << build.id << " is " << to_string(build.state);
    unsigned costly = 0;
    for (const BuildAttempt& attempt : build.attempts) {
      ASSERT_TRUE(attempt.outcome.has_value());
      if (*attempt.outcome != AttemptOutcome::cancelled &&
          *attempt.outcome != AttemptOutcome::succeeded &&
          *attempt.outcome != AttemptOutcome::no_room && attempt.reason != "server_lost")
        ++costly;
    }
    EXPECT_EQ(costly, build.failed_attempts);
    EXPECT_LE(costly, 4U);
    EXPECT_EQ(build.state == BuildState::succeeded, build.digest.has_value());
    EXPECT_EQ(build.state == BuildState::failed, build.failure.has_value());
    if (build.state == BuildState::failed &&
        build.failure->failure_class == FailureClass::infrastructure) {
      EXPECT_EQ(costly, 4U) << "not before its tries are used";
      EXPECT_EQ(build.failure->reason, build.attempts.back().reason) << "it keeps the last reason";
    }
    EXPECT_LE(*build.times.queued, *build.times.finished);
  }

  static std::size_t count(std::string_view text, std::string_view what) {
    std::size_t found = 0;
    for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
    return found;
  }

  /// One end, and of each attempt its lines from 0 on, each once.
  void check_log(const Build& build) {
    const std::string log = world.log_of(build.id);
    EXPECT_EQ(count(log, "slipway: succeeded") + count(log, "slipway: failed") +
                  count(log, "slipway: cancelled"),
              1U)
        << log;
    for (const BuildAttempt& attempt : build.attempts) {
      const std::size_t lines = count(log, "line of " + attempt.worker + " ");
      std::size_t before = 0;
      for (std::size_t line = 0; line < lines; ++line) {
        const std::string text = line_of(attempt.worker, line);
        ASSERT_EQ(count(log, text), 1U) << log;
        ASSERT_GE(log.find(text), before) << log;
        before = log.find(text);
      }
    }
  }

  void one_round() {
    server([this] { scheduler->step(); });
    meet_workers();
    let_workers_act();
    if (chance(0.02))
      server([this] { (void)world.queue->cancel(all[pick(all.size())], "requested"); });
    if (chance(0.003)) restart();  // between its commits
    world.clock.advance(std::chrono::milliseconds(pick(800)));
  }

  /// Until each build has ended.
  void run() {
    for (std::size_t round = 0;; ++round) {
      ASSERT_LT(round, 200'000U) << "it does not come to an end";
      killing = true;
      for (int i = 0; i < 6 && all.size() < builds_in_all; ++i) submit();
      one_round();
      killing = false;
      ASSERT_NO_FATAL_FAILURE(check_caps());
      if (all.size() >= builds_in_all && world.queue->summary()->tenants.empty()) return;
    }
  }

  /// What became of each build, where and when, in the order of their submits; no random names.
  std::string history() {
    std::string told;
    for (const std::string& id : all) {
      const Build build = world.queue->find(id).value();
      told += to_string(build.state);
      for (const BuildAttempt& attempt : build.attempts)
        told.append(" ").append(attempt.backend).append(" ").append(to_string(*attempt.outcome));
      told.append(" ").append(to_rfc3339(*build.times.finished)).append("\n");
    }
    return told;
  }

  /// In the order of their declaration: the seed makes what the queue draws, too.
  const std::size_t builds_in_all;
  std::mt19937_64 random;
  QueueWorld world{StoreKind::memory, {.jitter = [this] { return fraction(); }}};
  MemoryBackend first{"first", 8};
  MemoryBackend second{"second", 9};
  SchedulerOptions options;
  std::unique_ptr<Scheduler> scheduler;
  std::map<std::string, Digest> images;
  std::vector<std::string> all;
  std::map<std::string, SimulatedWorker> workers;
  std::map<std::string, Share> shares;
  std::size_t rounds_of_all = 0;
  std::size_t workers_met = 0;
  std::size_t kills = 0;
  bool killing = false;
};

TEST(Simulation, EveryBuildEndsOnceCapsHoldSharesConvergeNothingStarves) {
  SimulatedSystem system(random_seed(), 10'000);
  ASSERT_NO_FATAL_FAILURE(system.run());
  std::map<BuildState, std::size_t> ends;
  for (const std::string& id : system.all) {
    const Build build = system.world.queue->find(id).value();
    ASSERT_NO_FATAL_FAILURE(system.check_end(build));
    ASSERT_NO_FATAL_FAILURE(system.check_log(build));
    ++ends[build.state];
  }
  for (BuildState state : {BuildState::succeeded, BuildState::failed, BuildState::cancelled})
    EXPECT_GT(ends[state], 30U) << "the simulation reached " << to_string(state);
  EXPECT_GT(system.kills, 10U) << "the server was killed within its work";
  system.check_shares();

  system.workers.clear();
  for (int i = 0; i < 60; ++i) {
    system.scheduler->step();
    system.world.clock.advance(1s);
  }
  EXPECT_EQ(system.first.room().free, 8U) << "no worker is left behind";
  EXPECT_EQ(system.second.room().free, 9U);
}

// Else a seed that was printed would be of no use.
TEST(Simulation, TheSameSeedIsTheSameHistory) {
  const std::uint64_t seed = random_seed();
  const auto history_of = [](std::uint64_t from) {
    SimulatedSystem system(from, 400);
    system.run();
    return system.history();
  };
  const std::string first = history_of(seed);
  EXPECT_EQ(first, history_of(seed));
  EXPECT_NE(first, history_of(seed + 1));
}

}  // namespace
}  // namespace slipway
