#include <slipway/build/wait_explanation.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace slipway {
namespace {

BackendSnapshot room(const std::string& name, unsigned free) {
  return {name, {free, 10, free > 0 ? "" : "all 10 slots are in use"}, true, {}};
}

class WaitExplanationTest : public testing::Test {
 protected:
  WaitExplanationTest() { state.backends = {room("local", 1)}; }

  void put(const std::string& repository, std::size_t leased, const std::string& waiting) {
    RepositorySummary summary;
    summary.leased = leased;
    if (!waiting.empty()) {
      summary.queued = 1;
      summary.heads = {{waiting, repository, "", "", 0}};
    }
    state.queue.put(repository, std::move(summary), std::nullopt);
  }

  WaitExplanation explain(std::optional<std::size_t> position = 1) {
    state.queue.changed.clear();
    for (const auto& [name, tenant] : state.queue.tenants) state.queue.changed.push_back(name);
    rank(state, rules);
    return explain_wait(state, rules, build, position);
  }

  Build build{"build-1", BuildRequest(RepositoryName::parse("app/web").value(),
                                      GitSource{"https://x.example", "HEAD", ""})};
  SchedulingState state;
  SchedulingRules rules;
};

TEST_F(WaitExplanationTest, TellsEachReasonInWordsAndFields) {
  put("app/web", 0, "build-1");
  WaitExplanation told = explain();
  EXPECT_EQ(told.reason, WaitReason::next);
  EXPECT_EQ(told.why, "it is next");
  EXPECT_EQ(told.starts, "now");

  state.backends = {room("local", 0)};
  told = explain();
  EXPECT_EQ(told.reason, WaitReason::backends);
  EXPECT_EQ(told.why, "backend local: all 10 slots are in use");
  EXPECT_EQ(told.starts, "when one of these backends has room");
  EXPECT_EQ(told.earliest, std::nullopt);

  put("app/api", 0, "build-0");
  told = explain(2);
  EXPECT_EQ(told.reason, WaitReason::position);
  EXPECT_EQ(told.why, "1 build of tenant app is before it");
  EXPECT_EQ(told.position, 2U);
  rules.repositories = {{"app/api", 1}};
  put("app/api", 1, "build-0");
  EXPECT_EQ(explain(2).reason, WaitReason::backends) << "its cap holds the other, and not this one";
  put("app/api", 0, "");

  put("app/web", 2, "build-1");
  rules.repositories = {{"app/*", 2}};
  told = explain();
  EXPECT_EQ(told.reason, WaitReason::repository_cap);
  EXPECT_EQ(told.why, "repository app/web is at its cap of 2 running builds");
  EXPECT_EQ(told.repository.max_running, 2U);
  EXPECT_EQ(told.repository.running, 2U);

  rules.tenants["app"].max_running = 2;
  told = explain();
  EXPECT_EQ(told.reason, WaitReason::tenant_cap);
  EXPECT_EQ(told.why, "tenant app is at its cap of 2 running builds");
  EXPECT_EQ(told.starts, "when one of the 2 running builds of tenant app ends");

  build.not_before = parse_rfc3339("2026-11-24T09:00:00Z");
  told = explain();
  EXPECT_EQ(told.reason, WaitReason::not_before);
  EXPECT_EQ(told.why, "it was asked to wait until 2026-11-24T09:00:00.000Z");
  EXPECT_EQ(told.earliest, build.not_before);
  build.attempts.emplace_back();
  EXPECT_EQ(explain().why, "it is tried again at 2026-11-24T09:00:00.000Z");

  build.state = BuildState::running;
  told = explain(std::nullopt);
  EXPECT_EQ(told.reason, WaitReason::none);
  EXPECT_EQ(told.why, "it does not wait: it is running");
}

TEST_F(WaitExplanationTest, NoRouteIsTold) {
  put("app/web", 0, "build-1");
  rules.routes = {{"other", {"local"}}};
  EXPECT_EQ(explain().reason, WaitReason::no_route);
  EXPECT_EQ(explain().why, "no route leads from app/web to a backend");
}

TEST_F(WaitExplanationTest, TellsTheTenantsShareAndWhoIsBeforeIt) {
  put("app/web", 4, "build-1");
  put("modest/web", 0, "build-2");
  put("weighty/web", 4, "build-3");
  rules.tenants["weighty"].weight = 2;
  const WaitExplanation told = explain();
  EXPECT_EQ(told.reason, WaitReason::share);
  EXPECT_EQ(told.tenant.ahead, 2U);
  EXPECT_DOUBLE_EQ(told.tenant.share, 0.25);
  EXPECT_EQ(told.tenant.running, 4U);
  EXPECT_EQ(told.why, "2 tenants with fewer builds running for their weight before tenant app");
}

TEST_F(WaitExplanationTest, TellsWhenABackendThatFailedIsTriedAgain) {
  put("app/web", 0, "build-1");
  BackendSnapshot broken = room("local", 0);
  broken.room.why = "cannot fork";
  broken.works = false;
  broken.tried_again = parse_rfc3339("2026-11-24T09:00:02Z");
  state.backends = {broken};
  const WaitExplanation told = explain();
  EXPECT_EQ(told.why, "backend local: cannot fork");
  EXPECT_EQ(told.earliest, broken.tried_again);
  EXPECT_EQ(told.starts,
            "when a backend can be used again: the next try is at 2026-11-24T09:00:02.000Z");
}

TEST_F(WaitExplanationTest, TheOverviewHasEveryTenantRepositoryAndBackend) {
  put("app/web", 2, "build-1");
  put("app/api", 1, "");
  put("zoo", 0, "build-2");
  state.queue.leased_by_backend["local"] = 3;
  rules.backends["local"] = 4;
  state.backends = {room("local", 7)};
  (void)explain();
  const QueueOverview overview = overview_of(state, rules);
  ASSERT_EQ(overview.tenants.size(), 2U);
  EXPECT_EQ(overview.tenants[0].standing.running, 3U);
  ASSERT_EQ(overview.tenants[0].repositories.size(), 2U);
  EXPECT_EQ(overview.tenants[0].repositories[0].name, "app/api");
  ASSERT_EQ(overview.backends.size(), 1U);
  EXPECT_EQ(overview.backends[0].free, 1U) << "the cap leaves one";
  EXPECT_EQ(overview.backends[0].running, 3U);
}

}  // namespace
}  // namespace slipway
