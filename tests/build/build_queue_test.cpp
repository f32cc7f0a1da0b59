#include <slipway/build/build_queue.hpp>

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "tests/build/queue_world.hpp"
#include "tests/build/wait_for.hpp"

namespace slipway {
namespace {

using namespace slipway::test;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

const Digest unknown_digest = digest_of("nobody pushed this");

class BuildQueueTest : public testing::TestWithParam<StoreKind> {
 protected:
  QueueWorld world{GetParam()};
  BuildQueue& queue() { return *world.queue; }

  std::optional<std::string> head_of(const std::string& tenant) {
    const auto summary = queue().summary().value();
    const auto found = summary.tenants.find(tenant);
    if (found == summary.tenants.end() || found->second.front.empty()) return std::nullopt;
    return found->second.front.begin()->build;
  }

  std::vector<std::string> ids(const BuildFilter& filter) {
    std::vector<std::string> found;
    const BuildPage page = queue().list(filter).value();
    for (const Build& build : page.builds) found.push_back(build.id);
    return found;
  }
};

INSTANTIATE_TEST_SUITE_P(Stores, BuildQueueTest,
                         testing::Values(StoreKind::memory, StoreKind::lmdb),
                         [](const auto& parameter) {
                           return parameter.param == StoreKind::memory ? "Memory" : "Lmdb";
                         });

TEST_P(BuildQueueTest, AWholeBuildLeavesItsTimesAndMovesItsTags) {
  BuildRequest request = request_for("app/web");
  request.tags = {"latest", "main"};
  const Digest image = world.push_manifest("app/web");
  const Build queued = world.submit(request);
  EXPECT_EQ(queued.state, BuildState::queued);
  EXPECT_EQ(queued.request.timeout, 3600s);
  const Timestamp start = world.clock.now();

  world.clock.advance(1ms);
  const BuildLease lease = queue().lease(queued.id, "local").value();
  EXPECT_EQ(lease.build.state, BuildState::starting);
  EXPECT_EQ(lease.build.epoch, 1U);
  std::string lower = queued.id;
  for (char& c : lower) c = static_cast<char>(std::tolower(c));
  EXPECT_EQ(lease.build.attempts.back().worker, "slipway-" + lower + "-1");
  EXPECT_LE(lease.build.attempts.back().worker.size(), 63U);

  const WorkerCredential attempt{queued.id, 1};
  world.clock.advance(1ms);
  ASSERT_TRUE(queue().started(attempt).ok());
  world.clock.advance(1ms);
  const Registration registration =
      queue().register_worker(lease.registration_token, some_nonce).value();
  EXPECT_EQ(registration.build.state, BuildState::running);
  EXPECT_EQ(registration.log_offset, 0U);
  EXPECT_EQ(registration.timeout, 3600s);
  EXPECT_EQ(registration.token, world.tokens->issue(queued.id, 1));
  ASSERT_TRUE(queue().begin_phase(attempt, BuildPhase::fetching, "").ok());
  world.clock.advance(1ms);
  ASSERT_TRUE(queue().begin_phase(attempt, BuildPhase::building, some_commit).ok());
  EXPECT_EQ(queue().find(queued.id)->phase, BuildPhase::building);
  world.clock.advance(1ms);
  ASSERT_TRUE(queue().begin_phase(attempt, BuildPhase::pushing, "").ok());
  world.clock.advance(1ms);
  ASSERT_TRUE(queue().succeed(attempt, image).ok());

  const Build done = queue().find(queued.id).value();
  EXPECT_EQ(done.state, BuildState::succeeded);
  EXPECT_EQ(done.digest, image);
  EXPECT_EQ(done.phase, std::nullopt);
  EXPECT_EQ(std::get<GitSource>(done.request.source).commit, some_commit);
  EXPECT_EQ(done.times.queued, start);
  EXPECT_EQ(done.times.leased, start + 1ms);
  EXPECT_EQ(done.times.started, start + 2ms);
  EXPECT_EQ(done.times.registered, start + 3ms);
  EXPECT_EQ(done.times.fetched, start + 4ms);
  EXPECT_EQ(done.times.built, start + 5ms);
  EXPECT_EQ(done.times.pushed, start + 6ms);
  EXPECT_EQ(done.times.finished, start + 6ms);
  ASSERT_EQ(done.attempts.size(), 1U);
  EXPECT_EQ(done.attempts[0].outcome, AttemptOutcome::succeeded);
  for (const char* tag : {"latest", "main"})
    EXPECT_EQ(
        world.registry->stat_manifest(done.request.repository, Reference(Tag::parse(tag).value()))
            ->digest,
        image);
  EXPECT_TRUE(queue().summary()->tenants.empty());
  EXPECT_TRUE(queue().summary()->leased_by_backend.empty());
}

TEST_P(BuildQueueTest, WhatAnAttemptTookIsKeptWithIt) {
  const ResourceUsage first{1500ms, 1'000'000, 2'000'000};
  const ResourceUsage second{2500ms, 3'000'000, 4'000'000};
  const Digest image = world.push_manifest("app");
  const Build build = world.submit("app");
  const WorkerCredential failing = world.run(build.id);
  ASSERT_TRUE(
      queue().fail(failing, {FailureClass::infrastructure, "no_space", "", std::nullopt}, first).ok());
  world.clock.advance(1min);
  const WorkerCredential attempt = world.run(build.id);
  ASSERT_TRUE(queue().succeed(attempt, image, second).ok());
  world.reopen();
  const Build ended = queue().find(build.id).value();
  ASSERT_EQ(ended.attempts.size(), 2U);
  EXPECT_EQ(ended.attempts[0].usage, first);
  EXPECT_EQ(ended.attempts[1].usage, second);
}

TEST_P(BuildQueueTest, SucceedNeedsTheImageAndMovesNothingWithoutIt) {
  const Build build = world.submit("app/web");
  const WorkerCredential attempt = world.run(build.id);
  EXPECT_EQ(queue().succeed(attempt, unknown_digest).error().code, ErrorCode::not_found);
  EXPECT_EQ(queue().find(build.id)->state, BuildState::running);
  EXPECT_TRUE(queue().heartbeat(attempt).ok());
}

TEST_P(BuildQueueTest, RefusesRequestsThatNoWorkerCouldCarryOut) {
  BuildRequest request = request_for("app");
  request.context = "../..";
  const auto refused = queue().submit(request);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(refused.error().message, HasSubstr("context"));
}

TEST_P(BuildQueueTest, OrdersByPriorityThenAge) {
  const Build low = world.submit("app/a", -5);
  const Build first = world.submit("app/a");
  const Build second = world.submit("app/b");
  const Build high = world.submit("app/c", 5);
  const Build other = world.submit("zoo/c");
  EXPECT_EQ(queue().position(high.id, 10).value(), 1U);
  EXPECT_EQ(queue().position(low.id, 10).value(), 4U);
  EXPECT_EQ(queue().position(low.id, 2).value(), 3U) << "counting ends";
  EXPECT_EQ(queue().position(other.id, 10).value(), 1U);
  for (const Build& next : {high, first, second, low}) {
    EXPECT_EQ(head_of("app"), next.id);
    ASSERT_TRUE(queue().lease(next.id, "local").ok());
  }
  EXPECT_EQ(head_of("app"), std::nullopt);
  EXPECT_EQ(queue().position(low.id, 10).value(), std::nullopt);
  const auto summary = queue().summary().value();
  EXPECT_EQ(summary.tenants.at("app").leased, 4U);
  EXPECT_EQ(summary.tenants.at("app").queued, 0U);
  EXPECT_EQ(summary.tenants.at("zoo").queued, 1U);
  EXPECT_EQ(summary.leased_by_backend.at("local"), 4U);
}

TEST_P(BuildQueueTest, WaitsUntilItsNotBefore) {
  BuildRequest request = request_for("app/a");
  request.not_before = world.clock.now() + 90s;
  const Build later = world.submit(request);
  EXPECT_EQ(later.not_before, request.not_before);
  EXPECT_EQ(queue().find(later.id).value(), later);
  const Build now = world.submit("app/a");
  EXPECT_EQ(head_of("app"), now.id);
  EXPECT_EQ(queue().lease(later.id, "local").error().code, ErrorCode::conflict);
  EXPECT_EQ(queue().summary()->tenants.at("app").next_ready, request.not_before);
  world.clock.advance(90s);
  EXPECT_EQ(head_of("app"), later.id) << "it is the older one";
  world.reopen();
  EXPECT_TRUE(queue().lease(later.id, "local").ok());
  EXPECT_EQ(queue().find(later.id)->not_before, std::nullopt);

  request.not_before = world.clock.now() - 1s;
  EXPECT_EQ(world.submit(request).not_before, std::nullopt) << "it is over";
}

TEST_P(BuildQueueTest, LeasesSeveralInOneCommit) {
  const Build a = world.submit("app/a");
  const Build b = world.submit("app/b");
  const Build gone = world.submit("app/b");
  ASSERT_TRUE(queue().cancel(gone.id, "requested").ok());
  const std::vector<LeaseOrder> orders{{a.id, "local"}, {gone.id, "local"}, {b.id, "cluster"}};
  const auto commits = world.stores->metadata().counts().writes;
  const auto leases = queue().lease(orders).value();
  EXPECT_EQ(world.stores->metadata().counts().writes, commits + 1);
  ASSERT_EQ(leases.size(), 3U);
  EXPECT_EQ(leases[1].error().code, ErrorCode::conflict) << "and the others are leased";
  EXPECT_EQ(leases[2]->build.attempts.back().backend, "cluster");
  EXPECT_TRUE(queue().register_worker(leases[0]->registration_token, some_nonce).ok());
  EXPECT_TRUE(queue().register_worker(leases[2]->registration_token, other_nonce).ok());
}

TEST_P(BuildQueueTest, ARefreshTakesOverWhatChangedAndNothingElse) {
  QueueSummary known;
  world.submit("app/a");
  world.submit("zoo");
  ASSERT_TRUE(queue().refresh(known).ok());
  EXPECT_THAT(known.changed, ElementsAre("app", "zoo"));
  ASSERT_TRUE(queue().refresh(known).ok());
  EXPECT_THAT(known.changed, ElementsAre());
  const Build other = world.submit("app/b");
  ASSERT_TRUE(queue().refresh(known).ok());
  EXPECT_THAT(known.changed, ElementsAre("app"));
  EXPECT_EQ(known.tenants.at("app").queued, 2U);
  EXPECT_EQ(known.tenants.at("app").repositories.at("app/b").heads.at(0).build, other.id);
  ASSERT_TRUE(queue().cancel(other.id, "requested").ok());
  ASSERT_TRUE(queue().refresh(known).ok());
  EXPECT_EQ(known.tenants.at("app").repositories.count("app/b"), 0U);
  EXPECT_EQ(known.tenants.at("app").queued, 1U);
  for (int i = 0; i < 1100; ++i) {  // more than are remembered: everything is taken over
    const Build brief = world.submit("brief/" + std::to_string(i));
    ASSERT_TRUE(queue().cancel(brief.id, "requested").ok());
    ASSERT_TRUE(queue().summary().ok());
  }
  ASSERT_TRUE(queue().refresh(known).ok());
  EXPECT_EQ(known.tenants.count("brief"), 0U);
  EXPECT_EQ(known.tenants.at("zoo").queued, 1U);
}

TEST_P(BuildQueueTest, WhatWaitsTooLongFails) {
  const Build first = world.submit("app");
  const Build retried = world.submit("app");
  BuildRequest request = request_for("app");
  request.not_before = world.clock.now() + 30min;
  const Build later = world.submit(request);
  world.clock.advance(30min);
  ASSERT_TRUE(queue()
                  .fail(world.run(retried.id), {FailureClass::infrastructure, "no_space", "", {}})
                  .ok());
  world.clock.advance(30min);
  const Build fresh = world.submit("app");
  const auto next = queue().expire(1h);
  EXPECT_EQ(queue().find(first.id)->state, BuildState::failed);
  EXPECT_EQ(queue().find(first.id)->failure->failure_class, FailureClass::timeout);
  EXPECT_EQ(queue().find(first.id)->failure->reason, "queue_timeout");
  EXPECT_THAT(world.log_of(first.id), HasSubstr("slipway: failed: it did not start within 1h"));
  EXPECT_EQ(queue().find(retried.id)->state, BuildState::queued) << "its wait began anew";
  EXPECT_EQ(queue().find(later.id)->state, BuildState::queued) << "from its not-before on";
  EXPECT_EQ(next.value(), *request.not_before + 1h) << "and then it is asked again";
  world.clock.advance(2h);
  EXPECT_EQ(queue().expire(1h).value(), std::nullopt);
  for (const Build& build : {retried, later, fresh})
    EXPECT_EQ(queue().find(build.id)->failure->reason, "queue_timeout");
  EXPECT_TRUE(queue().summary()->tenants.empty());
}

TEST_P(BuildQueueTest, ALossWithTheServerCostsNoTryThreeTimes) {
  const Build build = world.submit("app");
  for (unsigned loss = 1; loss <= 3; ++loss) {
    const Build back = queue().lost_with_server(world.run(build.id), "gone").value();
    EXPECT_EQ(back.state, BuildState::queued);
    EXPECT_EQ(back.failed_attempts, 0U);
    EXPECT_EQ(back.attempts.size(), loss);
    EXPECT_EQ(back.attempts.back().outcome, AttemptOutcome::lost);
    EXPECT_EQ(back.attempts.back().reason, "server_lost");
    world.clock.advance(1s);
    ASSERT_EQ(head_of("app"), build.id);
  }
  EXPECT_EQ(queue().lost_with_server(world.run(build.id), "gone")->failed_attempts, 1U);
}

TEST_P(BuildQueueTest, LeasesOnce) {
  const Build build = world.submit("app");
  ASSERT_TRUE(queue().lease(build.id, "local").ok());
  EXPECT_EQ(queue().lease(build.id, "local").error().code, ErrorCode::conflict);
  EXPECT_EQ(queue().lease("01JDCZ0M4Y7W3Q6S8N2V5X9K1B", "local").error().code,
            ErrorCode::not_found);
  EXPECT_EQ(queue().find("no build").error().code, ErrorCode::not_found);
}

TEST_P(BuildQueueTest, NoRoomCostsNoTryAndLeavesNoTrace) {
  const Build first = world.submit("app");
  const Build second = world.submit("app");
  for (std::uint64_t epoch = 1; epoch <= 20; ++epoch) {
    const BuildLease lease = queue().lease(first.id, "local").value();
    EXPECT_EQ(lease.build.epoch, epoch);
    ASSERT_TRUE(queue().no_room({first.id, epoch}).ok());
    EXPECT_EQ(queue().register_worker(lease.registration_token, some_nonce).error().code,
              ErrorCode::conflict);
  }
  EXPECT_EQ(head_of("app"), first.id) << "back in its place";
  const Build leased = queue().lease(first.id, "cluster").value().build;
  EXPECT_EQ(leased.failed_attempts, 0U);
  ASSERT_EQ(leased.attempts.size(), 1U);
  EXPECT_EQ(leased.attempts[0].number, 1U);
  EXPECT_EQ(leased.attempts[0].backend, "cluster");
  EXPECT_EQ(queue().find(second.id)->epoch, 0U);
}

TEST_P(BuildQueueTest, RegistrationIsForOneWorker) {
  const Build build = world.submit("app");
  const BuildLease lease = queue().lease(build.id, "local").value();
  EXPECT_EQ(queue().register_worker("slpr_nonsense", some_nonce).error().code,
            ErrorCode::unauthenticated);
  std::string forged = lease.registration_token;
  forged.back() = forged.back() == '0' ? '1' : '0';
  EXPECT_EQ(queue().register_worker(forged, some_nonce).error().code, ErrorCode::unauthenticated);
  EXPECT_EQ(queue().register_worker(lease.registration_token, "short").error().code,
            ErrorCode::invalid_argument);

  const Registration first = queue().register_worker(lease.registration_token, some_nonce).value();
  const Registration again = queue().register_worker(lease.registration_token, some_nonce).value();
  EXPECT_EQ(first.token, again.token);
  EXPECT_EQ(first.build, again.build);
  EXPECT_EQ(queue().register_worker(lease.registration_token, other_nonce).error().code,
            ErrorCode::conflict);
  world.reopen();
  EXPECT_EQ(queue().register_worker(lease.registration_token, other_nonce).error().code,
            ErrorCode::conflict);
  EXPECT_EQ(queue().register_worker(lease.registration_token, some_nonce)->token, first.token);
}

TEST_P(BuildQueueTest, TheRegistrationTokenIsNotInTheStore) {
  const Build build = world.submit("app");
  const std::string token = queue().lease(build.id, "local").value().registration_token;
  const std::string secret = token.substr(token.rfind('_') + 1);
  ASSERT_EQ(secret.size(), 64U);
  const auto view = world.stores->metadata().snapshot().value();
  const auto cursor = view->cursor().value();
  std::size_t rows = 0;
  for (bool found = cursor->seek(std::string(1, '\0')).value(); found;
       found = cursor->next().value()) {
    ++rows;
    EXPECT_EQ(cursor->value().find(secret), std::string_view::npos);
    EXPECT_EQ(cursor->key().find(secret), std::string_view::npos);
  }
  EXPECT_GT(rows, 3U);
}

TEST_P(BuildQueueTest, AStaleAttemptCanDoNothing) {
  const Digest image = world.push_manifest("app");
  const Build build = world.submit("app");
  const WorkerCredential stale = world.run(build.id);
  ASSERT_TRUE(
      queue().interrupted(stale, AttemptOutcome::lost, "worker_lost", "nothing heard").ok());
  world.clock.advance(1min);
  const WorkerCredential current = world.run(build.id);
  ASSERT_EQ(current.epoch, 2U);

  const auto is_conflict = [](const auto& result) {
    return !result.ok() && result.error().code == ErrorCode::conflict;
  };
  const BuildFailure failure{FailureClass::user, "step_failed", "", 1};
  EXPECT_TRUE(is_conflict(queue().heartbeat(stale)));
  EXPECT_TRUE(is_conflict(queue().begin_phase(stale, BuildPhase::building, "")));
  EXPECT_TRUE(is_conflict(queue().succeed(stale, image)));
  EXPECT_TRUE(is_conflict(queue().fail(stale, failure)));
  EXPECT_TRUE(is_conflict(queue().started(stale)));
  EXPECT_TRUE(is_conflict(queue().no_room(stale)));
  EXPECT_TRUE(is_conflict(queue().timed_out(stale, "timeout", "too long")));
  EXPECT_TRUE(is_conflict(queue().interrupted(stale, AttemptOutcome::lost, "r", "m")));
  EXPECT_TRUE(is_conflict(world.logs->append(build.id, 0, "x", queue().guard(stale))));
  const RepositoryName name = RepositoryName::parse("app").value();
  EXPECT_TRUE(
      is_conflict(world.registry->put_blob(name, digest_of("new"), "new", queue().guard(stale))));
  EXPECT_FALSE(world.registry->stat_blob(name, digest_of("new")).ok());
  EXPECT_EQ(queue().standings(std::vector{stale, current}).value(),
            (std::vector{AttemptStanding::over, AttemptStanding::running}));

  EXPECT_TRUE(queue().heartbeat(current).ok());
  EXPECT_TRUE(queue().succeed(current, image).ok());
  EXPECT_TRUE(is_conflict(queue().heartbeat(current))) << "it is over now";
  EXPECT_TRUE(is_conflict(queue().succeed(current, image)));
}

TEST_P(BuildQueueTest, UsersFailuresAreFinalAtOnce) {
  const Build build = world.submit("app");
  const WorkerCredential attempt = world.run(build.id);
  const BuildFailure failure{FailureClass::user, "step_failed", "RUN make: exit status 2", 2};
  const Build failed = queue().fail(attempt, failure).value();
  EXPECT_EQ(failed.state, BuildState::failed);
  EXPECT_EQ(failed.failure, failure);
  EXPECT_EQ(failed.attempts[0].outcome, AttemptOutcome::user);
  EXPECT_EQ(failed.attempts[0].reason, "step_failed");
  EXPECT_EQ(failed.times.finished, world.clock.now());
  EXPECT_THAT(world.log_of(build.id), HasSubstr("slipway: failed: RUN make: exit status 2\n"));
}

TEST_P(BuildQueueTest, TimeoutsAreFinal) {
  const Build build = world.submit("app");
  const Build ended = queue().timed_out(world.run(build.id), "timeout", "too long").value();
  EXPECT_EQ(ended.state, BuildState::failed);
  EXPECT_EQ(ended.failure->failure_class, FailureClass::timeout);
  EXPECT_EQ(ended.attempts[0].outcome, AttemptOutcome::timeout);
}

TEST_P(BuildQueueTest, InfrastructureIsTriedFourTimesWithAGrowingBackoff) {
  const Build build = world.submit("app");
  const BuildFailure failure{FailureClass::infrastructure, "disk_full", "no space left", {}};
  std::chrono::milliseconds longest = 500ms;
  for (unsigned n = 1; n <= 3; ++n, longest *= 2) {
    const Build waiting = queue().fail(world.run(build.id), failure).value();
    ASSERT_EQ(waiting.state, BuildState::queued);
    EXPECT_EQ(waiting.failed_attempts, n);
    EXPECT_EQ(waiting.attempts.back().outcome, AttemptOutcome::infrastructure);
    EXPECT_EQ(waiting.failure, std::nullopt);
    EXPECT_EQ(waiting.times.leased, std::nullopt);
    const auto delay = *waiting.not_before - world.clock.now();
    EXPECT_GE(delay, longest / 2);
    EXPECT_LE(delay, longest);

    EXPECT_EQ(queue().lease(build.id, "local").error().code, ErrorCode::conflict);
    EXPECT_EQ(head_of("app"), std::nullopt);
    EXPECT_EQ(queue().summary()->tenants.at("app").next_ready, waiting.not_before);
    world.clock.advance(delay);
    EXPECT_EQ(head_of("app"), build.id);
    EXPECT_EQ(queue().summary()->tenants.at("app").next_ready, std::nullopt);
  }
  const Build failed = queue().fail(world.run(build.id), failure).value();
  EXPECT_EQ(failed.state, BuildState::failed);
  EXPECT_EQ(failed.failure, failure);
  ASSERT_EQ(failed.attempts.size(), 4U);
  EXPECT_EQ(failed.attempts[3].number, 4U);
  const std::string log = world.log_of(build.id);
  EXPECT_THAT(log, HasSubstr("slipway: attempt 1 ended: no space left; trying again in "));
  EXPECT_THAT(log, HasSubstr("slipway: attempt 2 starts on local\n"));
  EXPECT_THAT(log, HasSubstr("slipway: failed: no space left\n"));
}

TEST_P(BuildQueueTest, BackoffsEndInOrderOfPriority) {
  const Build low = world.submit("app", 0);
  const Build high = world.submit("app", 9);
  for (const Build& build : {high, low}) {
    const WorkerCredential attempt = world.run(build.id);
    ASSERT_TRUE(queue().interrupted(attempt, AttemptOutcome::lost, "worker_lost", "gone").ok());
  }
  const Build fresh = world.submit("app", 5);
  EXPECT_EQ(head_of("app"), fresh.id);
  world.clock.advance(1s);
  EXPECT_EQ(head_of("app"), high.id);
  EXPECT_EQ(queue().position(low.id, 10).value(), 3U);
}

TEST_P(BuildQueueTest, ALogGoesOnWhereTheLastAttemptLeftIt) {
  const Build build = world.submit("app");
  const WorkerCredential first = world.run(build.id);
  ASSERT_TRUE(world.logs->append(build.id, 0, "step 1\nstep", queue().guard(first)).ok());
  ASSERT_TRUE(queue().interrupted(first, AttemptOutcome::lost, "worker_lost", "gone").ok());
  world.clock.advance(1min);
  const BuildLease lease = queue().lease(build.id, "other").value();
  const Registration second = queue().register_worker(lease.registration_token, some_nonce).value();
  const std::string before = world.log_of(build.id);
  EXPECT_THAT(before, testing::MatchesRegex("step 1\nstep\nslipway: attempt 1 ended: gone; trying "
                                            "again in .*\nslipway: attempt 2 starts on other\n"));
  EXPECT_EQ(second.log_offset, before.size());
  ASSERT_TRUE(
      world.logs->append(build.id, second.log_offset, "step 1\n", queue().guard({build.id, 2}))
          .ok());
  EXPECT_EQ(world.log_of(build.id), before + "step 1\n");
}

TEST_P(BuildQueueTest, CancelEndsFromEveryStateButAnEnd) {
  const Build queued = world.submit("app");
  const Build starting = world.submit("app");
  const Build running = world.submit("app");
  const BuildLease lease = queue().lease(starting.id, "local").value();
  const WorkerCredential attempt = world.run(running.id);
  for (const std::string& id : {queued.id, starting.id, running.id}) {
    const Build cancelled = queue().cancel(id, "requested").value();
    EXPECT_EQ(cancelled.state, BuildState::cancelled);
    EXPECT_EQ(cancelled.cancel_reason, "requested");
    EXPECT_EQ(cancelled.times.finished, world.clock.now());
    EXPECT_THAT(world.log_of(id), HasSubstr("slipway: cancelled: requested\n"));
    EXPECT_EQ(queue().cancel(id, "requested").error().code, ErrorCode::conflict);
  }
  EXPECT_EQ(queue().find(running.id)->attempts[0].outcome, AttemptOutcome::cancelled);
  EXPECT_EQ(queue().heartbeat(attempt).error().code, ErrorCode::conflict);
  EXPECT_EQ(queue().register_worker(lease.registration_token, some_nonce).error().code,
            ErrorCode::conflict);
  EXPECT_TRUE(queue().summary()->tenants.empty());
}

TEST_P(BuildQueueTest, ARepeatedDeliveryIsTheSameBuild) {
  BuildRequest request = request_for("app");
  request.trigger = BuildTrigger{"trigger", "github", "delivery-1", false};
  const Build first = world.submit(request);
  EXPECT_EQ(world.submit(request).id, first.id);
  world.reopen();
  EXPECT_EQ(world.submit(request).id, first.id);
  BuildRequest other_ref = request;
  std::get<GitSource>(other_ref.source).ref = "refs/heads/other";
  EXPECT_NE(world.submit(other_ref).id, first.id) << "one payload may carry several pushes";
  BuildRequest later = request;
  later.trigger->delivery = "delivery-2";
  EXPECT_NE(world.submit(later).id, first.id);
  EXPECT_EQ(queue().summary()->tenants.at("app").queued, 3U);
}

TEST_P(BuildQueueTest, ANewerPushSupersedesWhatHasNotEnded) {
  BuildRequest request = request_for("app");
  request.trigger = BuildTrigger{"trigger", "github", "1", true};
  const Build first = world.submit(request);
  const WorkerCredential attempt = world.run(first.id);
  request.trigger->delivery = "2";
  const Build second = world.submit(request);
  const Build old = queue().find(first.id).value();
  EXPECT_EQ(old.state, BuildState::cancelled);
  EXPECT_EQ(old.cancel_reason, "superseded");
  EXPECT_EQ(old.superseded_by, second.id);
  EXPECT_EQ(queue().heartbeat(attempt).error().code, ErrorCode::conflict);
  EXPECT_THAT(world.log_of(first.id), HasSubstr("slipway: cancelled: superseded by " + second.id));

  request.trigger->delivery = "3";
  std::get<GitSource>(request.source).ref = "refs/heads/other";
  world.submit(request);
  EXPECT_EQ(queue().find(second.id)->state, BuildState::queued) << "another ref";
  request.trigger->delivery = "1";
  std::get<GitSource>(request.source).ref = "refs/heads/main";
  EXPECT_EQ(world.submit(request).id, first.id);
  EXPECT_EQ(queue().find(second.id)->state, BuildState::queued) << "a repeat ends nothing";
}

TEST_P(BuildQueueTest, RetryIsANewBuildOfTheSameRequest) {
  BuildRequest request = request_for("app", 3);
  request.trigger = BuildTrigger{"trigger", "github", "1", true};
  const Build first = world.submit(request);
  EXPECT_EQ(queue().retry(first.id).error().code, ErrorCode::conflict);
  ASSERT_TRUE(queue().cancel(first.id, "requested").ok());
  const Build second = queue().retry(first.id).value();
  EXPECT_NE(second.id, first.id);
  EXPECT_EQ(second.state, BuildState::queued);
  EXPECT_EQ(second.request.priority, 3);
  EXPECT_EQ(second.request.source, first.request.source);
  EXPECT_EQ(second.request.trigger->id, "trigger");
  EXPECT_EQ(queue().find(first.id)->state, BuildState::cancelled);
}

TEST_P(BuildQueueTest, ListsNewestFirstInPages) {
  std::vector<std::string> all;
  std::vector<std::string> web;
  for (int i = 0; i < 7; ++i) {
    const bool even = i % 2 == 0;
    const Build build = world.submit(even ? "app/web" : "app/api");
    all.insert(all.begin(), build.id);
    if (even) web.insert(web.begin(), build.id);
  }
  EXPECT_EQ(ids({}), all);
  EXPECT_EQ(ids({.repository = "app/web", .state = {}, .after = ""}), web);
  ASSERT_TRUE(queue().cancel(web[1], "requested").ok());
  EXPECT_THAT(ids({.repository = "", .state = BuildState::cancelled, .after = ""}),
              ElementsAre(web[1]));
  EXPECT_THAT(ids({.repository = "app/web", .state = BuildState::queued, .after = ""}),
              ElementsAre(web[0], web[2], web[3]));
  EXPECT_THAT(ids({.repository = "app", .state = {}, .after = ""}), ElementsAre());

  std::vector<std::string> paged;
  BuildFilter filter;
  filter.limit = 3;
  for (bool more = true; more;) {
    const BuildPage page = queue().list(filter).value();
    EXPECT_LE(page.builds.size(), 3U);
    for (const Build& build : page.builds) paged.push_back(build.id);
    filter.after = paged.back();
    more = page.more;
  }
  EXPECT_EQ(paged, all);
  EXPECT_EQ(queue().list({.repository = "", .state = {}, .after = "x"}).error().code,
            ErrorCode::invalid_argument);
}

TEST_P(BuildQueueTest, NotificationsFindTheSummaryUpToDate) {
  Told<std::size_t> queued;
  const auto subscription = world.stores->metadata().subscribe("queue", [&] {
    const std::size_t now = queue().summary()->tenants["app"].queued;
    queued.change([now](std::size_t& value) { value = now; });
  });
  for (std::size_t i = 1; i <= 20; ++i) {
    world.submit("app");
    queued.wait_until([i](std::size_t value) { return value == i; });
  }
}

TEST_P(BuildQueueTest, PhasesOnlyGoForward) {
  const Build build = world.submit("app");
  const WorkerCredential attempt = world.run(build.id);
  ASSERT_TRUE(queue().begin_phase(attempt, BuildPhase::building, "").ok());
  ASSERT_TRUE(queue().begin_phase(attempt, BuildPhase::building, "").ok()) << "a repeat";
  EXPECT_EQ(queue().begin_phase(attempt, BuildPhase::fetching, "").error().code,
            ErrorCode::conflict);
  EXPECT_EQ(queue().begin_phase(attempt, BuildPhase::building, "main").error().code,
            ErrorCode::invalid_argument);
}

TEST_P(BuildQueueTest, WhatWasHeardIsOfThisProcess) {
  const Build build = world.submit("app");
  const WorkerCredential attempt = world.run(build.id);
  EXPECT_EQ(queue().last_heard(attempt), world.clock.monotonic());
  world.clock.advance(5s);
  ASSERT_TRUE(queue().heartbeat(attempt).ok());
  EXPECT_EQ(queue().last_heard(attempt), world.clock.monotonic());
  world.reopen();
  EXPECT_EQ(queue().last_heard(attempt), std::nullopt);
  EXPECT_TRUE(queue().heartbeat(attempt).ok());
}

TEST_P(BuildQueueTest, AHeartbeatWritesNothing) {
  const Build build = world.submit("app");
  const WorkerCredential attempt = world.run(build.id);
  const auto writes = world.stores->metadata().counts().writes;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(queue().heartbeat(attempt).ok());
  EXPECT_EQ(world.stores->metadata().counts().writes, writes);
}

TEST_P(BuildQueueTest, StandsAfterAnyStep) {
  // Every call finds the queue as a new process would open it.
  const Digest image = world.push_manifest("app");
  const Build build = world.submit("app");
  world.reopen();
  EXPECT_EQ(head_of("app"), build.id);
  BuildLease lease = queue().lease(build.id, "local").value();
  world.reopen();
  ASSERT_EQ(queue().leased_builds()->size(), 1U);
  ASSERT_TRUE(queue().no_room({build.id, 1}).ok());
  world.reopen();
  EXPECT_EQ(head_of("app"), build.id);
  lease = queue().lease(build.id, "local").value();
  world.reopen();
  ASSERT_TRUE(queue().register_worker(lease.registration_token, some_nonce).ok());
  world.reopen();
  ASSERT_TRUE(queue().started({build.id, 2}).ok());
  world.reopen();
  EXPECT_LE(*queue().find(build.id)->times.started, *queue().find(build.id)->times.registered);
  ASSERT_TRUE(
      queue().interrupted({build.id, 2}, AttemptOutcome::infrastructure, "node", "node gone").ok());
  world.reopen();
  EXPECT_EQ(head_of("app"), std::nullopt);
  ASSERT_TRUE(queue().summary()->tenants.at("app").next_ready.has_value());
  world.clock.advance(1s);
  EXPECT_EQ(head_of("app"), build.id);
  world.reopen();
  EXPECT_EQ(head_of("app"), build.id);
  lease = queue().lease(build.id, "local").value();
  world.reopen();
  ASSERT_TRUE(queue().register_worker(lease.registration_token, some_nonce).ok());
  world.reopen();
  ASSERT_TRUE(queue().begin_phase({build.id, 3}, BuildPhase::pushing, some_commit).ok());
  world.reopen();
  ASSERT_TRUE(queue().succeed({build.id, 3}, image).ok());
  world.reopen();
  const Build done = queue().find(build.id).value();
  EXPECT_EQ(done.state, BuildState::succeeded);
  EXPECT_EQ(done.attempts.size(), 2U);
  EXPECT_TRUE(queue().summary()->tenants.empty());
}

TEST_P(BuildQueueTest, AQueueThatAnEarlierVersionWroteIsTakenOver) {
  const Build low = world.submit("app/a", -5);
  const Build high = world.submit("app/b", 5);
  const Build running = world.submit("app/a");
  const WorkerCredential attempt = world.run(running.id);
  world.queue.reset();
  const auto number = [](std::uint64_t value) {
    std::string bytes;
    for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value >> shift));
    return bytes;
  };
  // By tenant: its rank (2^63 - priority) and build, with the repository; queued and leased.
  const std::string zero(1, '\0');
  const std::uint64_t middle = std::uint64_t{1} << 63U;
  ASSERT_TRUE(world.stores->metadata()
                  .write([&](WriteTransaction& transaction) -> Result<void> {
                    for (const std::string repository : {"app/a", "app/b"})
                      SLIPWAY_CHECK(transaction.erase("qp" + repository + zero));
                    SLIPWAY_CHECK(transaction.erase("qvapp/a" + zero + number(middle + 5) + low.id +
                                                    zero));
                    SLIPWAY_CHECK(transaction.erase("qvapp/b" + zero + number(middle - 5) +
                                                    high.id + zero));
                    SLIPWAY_CHECK(transaction.put("qwapp" + zero + number(middle + 5) + low.id +
                                                      zero,
                                                  "app/a" + zero));
                    SLIPWAY_CHECK(transaction.put("qwapp" + zero + number(middle - 5) + high.id +
                                                      zero,
                                                  "app/b" + zero));
                    return transaction.put("qcapp" + zero, number(2) + number(1));
                  })
                  .ok());
  world.reopen();
  world.reopen();  // the second time there is nothing to do
  EXPECT_EQ(head_of("app"), high.id);
  const QueueSummary summary = queue().summary().value();
  EXPECT_EQ(summary.tenants.at("app").queued, 2U);
  EXPECT_EQ(summary.tenants.at("app").leased, 1U);
  EXPECT_TRUE(queue().fail(attempt, {FailureClass::user, "x", "", {}}).ok());
  world.run(high.id);
  world.run(low.id);
  EXPECT_EQ(queue().summary()->tenants.at("app").leased, 2U);
}

TEST_P(BuildQueueTest, OutcomesOfInterruptionsAreChecked) {
  const Build build = world.submit("app");
  const WorkerCredential attempt = world.run(build.id);
  EXPECT_EQ(queue().interrupted(attempt, AttemptOutcome::user, "r", "m").error().code,
            ErrorCode::invalid_argument);
}

TEST_P(BuildQueueTest, AWorkerMustRegisterBeforeItReports) {
  const Build build = world.submit("app");
  ASSERT_TRUE(queue().lease(build.id, "local").ok());
  EXPECT_EQ(queue().succeed({build.id, 1}, world.push_manifest("app")).error().code,
            ErrorCode::conflict);
  EXPECT_EQ(queue().fail({build.id, 1}, {FailureClass::user, "x", "", {}}).error().code,
            ErrorCode::conflict);
}

}  // namespace
}  // namespace slipway
