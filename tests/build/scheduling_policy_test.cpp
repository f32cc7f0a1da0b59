#include <slipway/build/scheduling_policy.hpp>

#include <gtest/gtest.h>

#include <map>

namespace slipway {
namespace {

struct TenantLine {
  std::string name;
  std::size_t queued = 1;
  std::size_t leased = 0;
  std::string repository = {};  // empty: "<name>/app"
};

SchedulingState state_of(const std::vector<TenantLine>& tenants,
                         const std::vector<BackendSnapshot>& backends) {
  SchedulingState state;
  for (const TenantLine& line : tenants) {
    TenantSummary tenant;
    tenant.queued = line.queued;
    tenant.leased = line.leased;
    if (line.queued > 0)
      tenant.head =
          QueueHead{"build-of-" + line.name,
                    line.repository.empty() ? line.name + "/app" : line.repository, "", 0};
    state.queue.tenants[line.name] = tenant;
  }
  state.backends = backends;
  return state;
}

BackendSnapshot room(const std::string& name, unsigned free) {
  return {name, {free, 10, free > 0 ? "" : "all 10 slots are in use"}};
}

TEST(SchedulingPolicy, NothingWaits) {
  EXPECT_FALSE(choose_next(state_of({}, {room("local", 1)}), {}).has_value());
  EXPECT_FALSE(choose_next(state_of({{"a", 0, 3, ""}}, {room("local", 1)}), {}).has_value());
}

TEST(SchedulingPolicy, NoRoomAnywhere) {
  EXPECT_FALSE(choose_next(state_of({{"a"}}, {room("x", 0), room("y", 0)}), {}).has_value());
  EXPECT_FALSE(choose_next(state_of({{"a"}}, {}), {}).has_value());
}

TEST(SchedulingPolicy, TakesBackendsInTheirOrder) {
  EXPECT_EQ(choose_next(state_of({{"a"}}, {room("x", 1), room("y", 9)}), {})->backend, "x");
  EXPECT_EQ(choose_next(state_of({{"a"}}, {room("x", 0), room("y", 9)}), {})->backend, "y");
}

TEST(SchedulingPolicy, ServesWhoHasLeastOutForItsWeight) {
  SchedulingRules rules;
  const auto chosen = [&](const std::vector<TenantLine>& tenants) {
    return choose_next(state_of(tenants, {room("local", 1)}), rules)->tenant;
  };
  EXPECT_EQ(chosen({{"a", 5, 2, ""}, {"b", 1, 1, ""}}), "b");
  rules.tenants["a"].weight = 4;  // 2/4 against 1/1
  EXPECT_EQ(chosen({{"a", 5, 2, ""}, {"b", 1, 1, ""}}), "a");
  EXPECT_EQ(chosen({{"a", 5, 5, ""}, {"b", 1, 1, ""}}), "b");
}

TEST(SchedulingPolicy, TiesGoToWhoWaitedLongestThenByName) {
  SchedulingState state = state_of({{"a"}, {"b"}, {"c"}}, {room("local", 1)});
  EXPECT_EQ(choose_next(state, {})->tenant, "a");
  state.last_served = {{"a", 7}, {"b", 3}, {"c", 5}};
  EXPECT_EQ(choose_next(state, {})->tenant, "b");
  state.last_served = {{"a", 7}, {"b", 3}};
  EXPECT_EQ(choose_next(state, {})->tenant, "c") << "never served is longest ago";
}

TEST(SchedulingPolicy, SharesByWeightOverManyTurns) {
  SchedulingRules rules;
  rules.tenants["a"].weight = 1;
  rules.tenants["b"].weight = 3;
  SchedulingState state = state_of({{"a", 100, 0, ""}, {"b", 100, 0, ""}}, {room("local", 100)});
  for (std::uint64_t turn = 1; turn <= 40; ++turn) {
    const auto choice = choose_next(state, rules);
    ASSERT_TRUE(choice.has_value());
    ++state.queue.tenants[choice->tenant].leased;
    state.last_served[choice->tenant] = turn;
  }
  EXPECT_EQ(state.queue.tenants["a"].leased, 10U);
  EXPECT_EQ(state.queue.tenants["b"].leased, 30U);
}

TEST(SchedulingPolicy, KeepsCaps) {
  SchedulingRules rules;
  rules.tenants["a"].max_running = 2;
  EXPECT_TRUE(choose_next(state_of({{"a", 5, 1, ""}}, {room("l", 1)}), rules).has_value());
  EXPECT_FALSE(choose_next(state_of({{"a", 5, 2, ""}}, {room("l", 1)}), rules).has_value());
  EXPECT_EQ(
      choose_next(state_of({{"a", 5, 2, ""}, {"b", 1, 9, ""}}, {room("l", 1)}), rules)->tenant,
      "b");
  rules.tenants["a"].max_running = 0;
  EXPECT_FALSE(choose_next(state_of({{"a", 5, 0, ""}}, {room("l", 1)}), rules).has_value());
}

TEST(SchedulingPolicy, FollowsTheFirstRouteThatMatches) {
  SchedulingRules rules;
  rules.routes = {{"heavy/*", {"big"}}, {"**", {"small", "big"}}};
  const auto backend = [&](const std::string& repository, unsigned small, unsigned big) {
    const auto choice = choose_next(
        state_of({{"t", 1, 0, repository}}, {room("small", small), room("big", big)}), rules);
    return choice ? choice->backend : std::string("none");
  };
  EXPECT_EQ(backend("heavy/x", 5, 5), "big");
  EXPECT_EQ(backend("heavy/x", 5, 0), "none");
  EXPECT_EQ(backend("heavy/x/y", 5, 5), "small") << "* ends at a slash";
  EXPECT_EQ(backend("light", 5, 5), "small");
  EXPECT_EQ(backend("light", 0, 5), "big");
  rules.routes = {{"heavy/*", {"big"}}};
  EXPECT_EQ(backend("light", 5, 5), "none");
}

TEST(SchedulingPolicy, WhoFindsNoRoomHoldsBackNobodyElse) {
  SchedulingRules rules;
  rules.routes = {{"a/**", {"full"}}, {"**", {"open"}}};
  const auto choice =
      choose_next(state_of({{"a"}, {"b", 1, 5, ""}}, {room("full", 0), room("open", 1)}), rules);
  ASSERT_TRUE(choice.has_value());
  EXPECT_EQ(choice->tenant, "b");
  EXPECT_EQ(choice->build, "build-of-b");
}

TEST(SchedulingPolicy, WakesForTheEarliestRetry) {
  SchedulingState state = state_of({{"a"}, {"b", 0, 0, ""}, {"c", 0, 0, ""}}, {});
  EXPECT_FALSE(next_wake(state).has_value());
  const Timestamp base{std::chrono::milliseconds(1000)};
  state.queue.tenants["b"].next_ready = base + std::chrono::milliseconds(20);
  state.queue.tenants["c"].next_ready = base + std::chrono::milliseconds(10);
  state.queue.tenants["a"].next_ready = base;  // it has a head: time changes nothing for it
  EXPECT_EQ(next_wake(state), base + std::chrono::milliseconds(10));
}

TEST(SchedulingPolicy, ExplainsWhyABuildWaits) {
  Build build("build-of-app", BuildRequest(RepositoryName::parse("app/web").value(),
                                           GitSource{"https://x.example", "HEAD", ""}));
  SchedulingRules rules;
  const auto why = [&](std::size_t leased, unsigned free) {
    return explain_wait(state_of({{"app", 1, leased, ""}}, {room("local", free)}), rules, build);
  };
  EXPECT_EQ(why(0, 1), "it is next");
  EXPECT_EQ(why(0, 0), "backend local: all 10 slots are in use");
  rules.tenants["app"].max_running = 2;
  EXPECT_EQ(why(2, 1), "tenant app is at its cap of 2 running builds");
  rules = {};
  rules.routes = {{"other", {"local"}}};
  EXPECT_EQ(why(0, 1), "no route leads from app/web to a backend");
  rules = {};
  build.not_before = parse_rfc3339("2026-11-24T09:00:00Z");
  EXPECT_EQ(why(0, 1), "it is tried again at 2026-11-24T09:00:00.000Z");
  build.not_before.reset();
  build.id = "another";
  EXPECT_EQ(why(0, 1), "build-of-app of tenant app is before it");
  build.state = BuildState::running;
  EXPECT_EQ(why(0, 1), "it does not wait: it is running");
}

}  // namespace
}  // namespace slipway
