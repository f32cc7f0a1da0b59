// The server and the worker are killed at every point where they could be, one after the other:
// before and after each commit (so each transition and each flush), each call to the backend and
// each call of the worker. The build ends exactly once all the same.
//
// A kill is an exception that leaves all of the process: what its memory held is dropped, and
// another one opens what was committed. A worker that gets no answer repeats its call, as the real
// one does.
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <slipway/build/scheduler.hpp>

#include "tests/build/memory_backend.hpp"
#include "tests/build/queue_world.hpp"
#include "tests/storage/random_seed.hpp"

namespace slipway {
namespace {

using namespace slipway::test;
using namespace std::chrono_literals;

enum class Ending { succeeds, fails, tried_again, cancelled };

struct WorkerKilled {};

/// Counts points, and kills at some of them.
struct Points {
  std::vector<std::string> names;
  std::set<std::size_t> kills;  // from 1
  unsigned server_kills = 0;
  unsigned worker_kills = 0;

  bool pass(std::string_view name) {
    names.emplace_back(name);
    return !kills.contains(names.size());
  }
  void of_server(std::string_view name) {
    if (pass(name)) return;
    ++server_kills;
    throw Killed{std::string(name)};
  }
  void of_worker(std::string_view name) {
    if (pass(name)) return;
    ++worker_kills;
    throw WorkerKilled{};
  }
};

class WatchedBackend final : public BuildBackend {
 public:
  WatchedBackend(MemoryBackend& inner, Points& points) : inner_(inner), points_(points) {}

  [[nodiscard]] std::string_view name() const noexcept override { return inner_.name(); }
  Result<void> start(const WorkerRequest& request) override {
    return around<void>("start", [&] { return inner_.start(request); });
  }
  Result<void> stop(std::string_view worker) override {
    return around<void>("stop", [&] { return inner_.stop(worker); });
  }
  Result<std::vector<BackendWorker>> list() override {
    return around<std::vector<BackendWorker>>("list", [&] { return inner_.list(); });
  }
  [[nodiscard]] BackendRoom room() override { return inner_.room(); }
  void on_event(std::function<void(const BackendEvent&)> listener) override {
    inner_.on_event(std::move(listener));
  }

 private:
  template <class T>
  Result<T> around(const std::string& name, const std::function<Result<T>()>& call) {
    points_.of_server("before " + name);
    Result<T> result = call();
    points_.of_server("after " + name);
    return result;
  }

  MemoryBackend& inner_;
  Points& points_;
};

/// One build from its submit to its end, with kills on the way.
class OneBuild {
 public:
  OneBuild(StoreKind kind, Ending ending, std::set<std::size_t> kills) : ending_(ending), world(kind) {
    image = world.push_manifest("app/web");
    options.start_timeout = 30s;
    options.silence_timeout = 20s;
    points.kills = std::move(kills);
    world.watch = [this](std::string_view name) { points.of_server(name); };
    restart();
  }
  ~OneBuild() { world.watch = {}; }

  void to_the_end() {
    submit();
    for (int round = 0; round < 2000; ++round) {
      server([this] { scheduler->step(); });
      act_all();
      if (ending_ == Ending::cancelled && round == 3) cancel();
      if (is_final(world.queue->find(id)->state) && local.list()->empty()) return;
      world.clock.advance(100ms);
    }
    ADD_FAILURE() << "it does not come to an end";
  }

  void check() {
    const Build build = world.queue->find(id).value();
    EXPECT_EQ(world.queue->list({}).value().builds.size(), 1U) << "the submit was repeated";
    check_end(build);
    if (points.worker_kills == 0 && ending_ != Ending::tried_again) {
      EXPECT_EQ(build.failed_attempts, ending_ == Ending::fails ? 1U : 0U)
          << "the loss of the server costs no try";
    }
    const std::string log = world.log_of(id);
    EXPECT_EQ(count(log, "slipway: succeeded") + count(log, "slipway: failed") +
                  count(log, "slipway: cancelled"),
              1U)
        << log;
    check_log(build, log);
    EXPECT_TRUE(world.queue->summary()->tenants.empty());
    EXPECT_EQ(local.room().free, 2U) << "no worker is left behind";
  }

  Points points;

 private:
  /// A worker program.
  struct Worker {
    std::string name, token, nonce;
    WorkerCredential attempt;
    std::uint64_t log_offset = 0;
    int step = 0;
  };

  static std::size_t count(std::string_view text, std::string_view what) {
    std::size_t found = 0;
    for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
    return found;
  }

  void restart() {
    open_until_one_survives([this] {
      scheduler.reset();
      world.restart();
      scheduler = make_scheduler(world.stores->metadata(), *world.queue, {&backend}, world.clock,
                                 options)
                      .value();
    });
  }

  /// Answers false when the server was killed meanwhile; another one runs then.
  template <class Call>
  bool server(const Call& call) {
    if (survives(call)) return true;
    restart();
    return false;
  }

  void submit() {
    BuildRequest request = request_for("app/web");
    request.trigger = BuildTrigger{"trigger", "github", "delivery-1", false};
    while (!server([&] { id = world.submit(request).id; })) {
    }
  }

  void cancel() {
    while (!server([&] { (void)world.queue->cancel(id, "requested"); })) {
    }
  }

  void act_all() {
    for (const WorkerRequest& request : local.requests()) {
      if (ended.contains(request.name)) continue;
      Worker& worker = workers[request.name];
      if (worker.name.empty())
        worker = {request.name, request.registration_token,
                  some_nonce + std::to_string(workers.size()), {request.build, 0}, 0, 0};
      try {
        if (act(worker)) continue;
      } catch (const WorkerKilled&) {
      }
      ended.insert(request.name);
      local.end(request.name);
    }
  }

  /// A call of the worker's. False: its attempt is over. The step is done when there was an answer.
  template <class Call>
  bool call(Worker& worker, const std::string& name, const Call& made) {
    points.of_worker("before " + name);
    bool accepted = true;
    if (server([&] { accepted = made(); })) ++worker.step;
    points.of_worker("after " + name);
    return accepted;
  }

  bool log(Worker& worker, std::string_view text) {
    return call(worker, "log", [&] {
      const auto size = world.logs->append(id, worker.log_offset, text,
                                           world.queue->guard(worker.attempt));
      if (size) worker.log_offset += text.size();
      return size.ok();
    });
  }

  bool phase(Worker& worker, BuildPhase phase) {
    return call(worker, "phase",
                [&] { return world.queue->begin_phase(worker.attempt, phase, "").ok(); });
  }

  bool finish(Worker& worker) {
    return call(worker, "finish", [&] {
      const Build build = world.queue->find(id).value();
      BuildFailure failure{FailureClass::user, "step_failed", "RUN false", 1};
      if (ending_ == Ending::tried_again && build.attempts.size() == 1) {
        failure.failure_class = FailureClass::infrastructure;
        return world.queue->fail(worker.attempt, failure).ok();
      }
      if (ending_ == Ending::fails) return world.queue->fail(worker.attempt, failure).ok();
      return world.queue->succeed(worker.attempt, image).ok();
    });
  }

  /// Answers false when the program ends.
  bool act(Worker& worker) {
    switch (worker.step) {
      case 0:
        return call(worker, "register", [&] {
          const auto registered = world.queue->register_worker(worker.token, worker.nonce);
          if (!registered) return false;
          worker.attempt.epoch = registered->build.epoch;
          worker.log_offset = registered->log_offset;
          return true;
        });
      case 1:
        return phase(worker, BuildPhase::fetching);
      case 2:
        return log(worker, "one\n");
      case 3:
        return call(worker, "heartbeat",
                    [&] { return world.queue->heartbeat(worker.attempt).ok(); });
      case 4:
        return phase(worker, BuildPhase::building);
      case 5:
        return log(worker, "two\n");
      case 6:
        return phase(worker, BuildPhase::pushing);
      case 7:
        return finish(worker) && worker.step < 8;  // it ends when it was told that it has
      default:
        return false;
    }
  }

  void check_end(const Build& build) {
    const bool succeeds = ending_ == Ending::succeeds || ending_ == Ending::tried_again;
    const BuildState expected = ending_ == Ending::fails ? BuildState::failed
                                : succeeds               ? BuildState::succeeded
                                                         : BuildState::cancelled;
    if (ending_ == Ending::cancelled && build.state == BuildState::succeeded) return;  // it was too late
    EXPECT_EQ(build.state, expected) << to_string(build.state);
    const auto tag = world.registry->stat_manifest(build.request.repository,
                                                   Reference(Tag::parse("latest").value()));
    EXPECT_EQ(tag.ok(), build.state == BuildState::succeeded);
    if (tag) {
      EXPECT_EQ(tag->digest, image);
    }
    EXPECT_LE(build.failed_attempts, 4U);
    for (const BuildAttempt& attempt : build.attempts) EXPECT_TRUE(attempt.outcome.has_value());
  }

  /// The log of the attempt that ended the build has no hole and no repeat.
  void check_log(const Build& build, const std::string& log) {
    if (build.state == BuildState::cancelled) return;
    const std::size_t begin = log.rfind("slipway: attempt ");
    const std::string last = begin == std::string::npos ? log : log.substr(begin);
    EXPECT_EQ(count(last, "one\n"), 1U) << log;
    EXPECT_EQ(count(last, "two\n"), 1U) << log;
    EXPECT_LT(last.find("one\n"), last.find("two\n")) << log;
    EXPECT_LE(count(log, "one\n"), build.attempts.size()) << log;
  }

  const Ending ending_;
  QueueWorld world;
  MemoryBackend local{"local", 2};
  WatchedBackend backend{local, points};
  SchedulerOptions options;
  std::unique_ptr<Scheduler> scheduler;
  Digest image = digest_of("");
  std::string id;
  std::map<std::string, Worker> workers;
  std::set<std::string> ended;
};

using Case = std::tuple<StoreKind, Ending>;

class Failpoints : public testing::TestWithParam<Case> {
 protected:
  void run(const std::set<std::size_t>& kills) {
    OneBuild run(std::get<0>(GetParam()), std::get<1>(GetParam()), kills);
    run.to_the_end();
    run.check();
    passed = run.points.names;
    killed = run.points.server_kills + run.points.worker_kills;
  }

  std::string told(const std::set<std::size_t>& kills) const {
    std::string text = "killed";
    for (const std::size_t point : kills)
      text += " at " + std::to_string(point) +
              (point <= passed.size() ? " (" + passed[point - 1] + ")" : "");
    return text;
  }

  std::vector<std::string> passed;  // the points of the last run
  unsigned killed = 0;
};

std::string name_of(const testing::TestParamInfo<Case>& info) {
  constexpr std::array endings{"Succeeds", "Fails", "TriedAgain", "Cancelled"};
  const auto [kind, ending] = info.param;
  return std::string(kind == StoreKind::memory ? "Memory" : "Lmdb") +
         endings.at(static_cast<std::size_t>(ending));
}

INSTANTIATE_TEST_SUITE_P(
    Each, Failpoints,
    testing::Values(Case{StoreKind::memory, Ending::succeeds}, Case{StoreKind::memory, Ending::fails},
                    Case{StoreKind::memory, Ending::tried_again},
                    Case{StoreKind::memory, Ending::cancelled},
                    Case{StoreKind::lmdb, Ending::succeeds}),
    name_of);

TEST_P(Failpoints, KilledAtEachPointInTurnTheBuildEndsOnce) {
  run({});
  const std::set<std::string> kinds(passed.begin(), passed.end());
  for (const char* point : {"before a commit", "after a commit", "before start", "after start",
                            "before stop", "after stop", "before list", "before register",
                            "after register", "before log", "after log", "before phase"})
    EXPECT_TRUE(kinds.contains(point)) << point;
  const std::size_t points = passed.size();
  for (std::size_t point = 1; point <= points; ++point) {
    run({point});
    ASSERT_EQ(killed, 1U);
    ASSERT_FALSE(HasFailure()) << told({point});
  }
}

TEST_P(Failpoints, KilledTwiceTheBuildEndsOnce) {
  run({});
  const std::size_t points = passed.size();
  std::mt19937_64 random(random_seed());
  const int pairs = std::get<0>(GetParam()) == StoreKind::memory ? 300 : 20;
  for (int i = 0; i < pairs; ++i) {
    const std::size_t first = 1 + random() % points;
    const std::set<std::size_t> kills{first, first + 1 + random() % 20};
    run(kills);
    ASSERT_FALSE(HasFailure()) << told(kills);
  }
}

}  // namespace
}  // namespace slipway
