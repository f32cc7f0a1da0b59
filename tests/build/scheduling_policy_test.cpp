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

QueueHead head(const std::string& repository, const std::string& build, int priority = 0,
               const std::string& avoid = "") {
  return {build, repository, "", avoid, priority};
}

SchedulingState state_of(const std::vector<TenantLine>& tenants,
                         const std::vector<BackendSnapshot>& backends) {
  SchedulingState state;
  for (const TenantLine& line : tenants) {
    const std::string repository = line.repository.empty() ? line.name + "/app" : line.repository;
    RepositorySummary summary;
    summary.queued = line.queued;
    summary.leased = line.leased;
    if (line.queued > 0) summary.heads = {head(repository, "build-of-" + line.name)};
    state.queue.put(repository, std::move(summary), std::nullopt);
  }
  state.backends = backends;
  return state;
}

/// As after a refresh that changed everything.
void rank_all(SchedulingState& state, const SchedulingRules& rules) {
  state.queue.changed.clear();
  for (const auto& [name, tenant] : state.queue.tenants) state.queue.changed.push_back(name);
  rank(state, rules);
}

std::optional<Choice> choose(SchedulingState state, const SchedulingRules& rules) {
  rank_all(state, rules);
  return choose_next(state, rules);
}

BackendSnapshot room(const std::string& name, unsigned free) {
  return {name, {free, 10, free > 0 ? "" : "all 10 slots are in use"}, true, {}};
}

TEST(SchedulingPolicy, NothingWaits) {
  EXPECT_FALSE(choose(state_of({}, {room("local", 1)}), {}).has_value());
  EXPECT_FALSE(choose(state_of({{"a", 0, 3, ""}}, {room("local", 1)}), {}).has_value());
}

TEST(SchedulingPolicy, NoRoomAnywhere) {
  EXPECT_FALSE(choose(state_of({{"a"}}, {room("x", 0), room("y", 0)}), {}).has_value());
  EXPECT_FALSE(choose(state_of({{"a"}}, {}), {}).has_value());
}

TEST(SchedulingPolicy, TakesBackendsInTheirOrder) {
  EXPECT_EQ(choose(state_of({{"a"}}, {room("x", 1), room("y", 9)}), {})->backend, "x");
  EXPECT_EQ(choose(state_of({{"a"}}, {room("x", 0), room("y", 9)}), {})->backend, "y");
}

TEST(SchedulingPolicy, ServesWhoHasLeastOutForItsWeight) {
  SchedulingRules rules;
  const auto chosen = [&](const std::vector<TenantLine>& tenants) {
    return choose(state_of(tenants, {room("local", 1)}), rules)->tenant;
  };
  EXPECT_EQ(chosen({{"a", 5, 2, ""}, {"b", 1, 1, ""}}), "b");
  rules.tenants["a"].weight = 4;  // no whole round of 4 against one of 1
  EXPECT_EQ(chosen({{"a", 5, 3, ""}, {"b", 1, 1, ""}}), "a");
  EXPECT_EQ(chosen({{"a", 5, 8, ""}, {"b", 1, 1, ""}}), "b");
}

TEST(SchedulingPolicy, TiesGoToTheEarliestStartInVirtualTimeThenByName) {
  SchedulingState state = state_of({{"a"}, {"b"}, {"c"}}, {room("local", 1)});
  EXPECT_EQ(choose(state, {})->tenant, "a");
  state.next_start = {{"a", 7}, {"b", 3}, {"c", 5}};
  EXPECT_EQ(choose(state, {})->tenant, "b");
  state.next_start = {{"a", 7}, {"b", 3}};
  EXPECT_EQ(choose(state, {})->tenant, "c") << "never served";
  state.virtual_time = 4;
  EXPECT_EQ(choose(state, {})->tenant, "b") << "who was away has saved nothing up";
}

/// On one worker: each build ends before the next starts.
std::map<std::string, int> starts_one_by_one(const SchedulingRules& rules, int starts) {
  SchedulingState state = state_of({{"a"}, {"b"}, {"c"}}, {room("local", 1)});
  rank_all(state, rules);
  std::map<std::string, int> started;
  for (int i = 0; i < starts; ++i) {
    const Choice choice = choose_next(state, rules).value();
    ++started[choice.tenant];
    assume(state, rules, choice);
    state.backends = {room("local", 1)};
    RepositorySummary next;
    next.queued = 1;
    next.heads = {head(choice.repository, choice.build)};
    state.queue.put(choice.repository, std::move(next), std::nullopt);
    rank_all(state, rules);
  }
  return started;
}

TEST(SchedulingPolicy, SharesAreRightOnOneWorkerToo) {
  SchedulingRules rules;
  rules.tenants["b"].weight = 2;
  rules.tenants["c"].weight = 3;
  const auto started = starts_one_by_one(rules, 600);
  EXPECT_NEAR(started.at("a"), 100, 1);
  EXPECT_NEAR(started.at("b"), 200, 1);
  EXPECT_NEAR(started.at("c"), 300, 1);
}

TEST(SchedulingPolicy, SharesByWeightOverManyTurns) {
  SchedulingRules rules;
  rules.tenants["a"].weight = 1;
  rules.tenants["b"].weight = 3;
  SchedulingState state = state_of({}, {room("local", 100)});
  for (const std::string tenant : {"a", "b"}) {
    RepositorySummary many;
    many.queued = 100;
    for (int i = 100; i < 200; ++i)
      many.heads.push_back(head(tenant + "/app", tenant + std::to_string(i)));
    state.queue.put(tenant + "/app", std::move(many), std::nullopt);
  }
  rank_all(state, rules);
  std::string first_of_b;
  for (int turn = 1; turn <= 40; ++turn) {
    const auto choice = choose_next(state, rules);
    ASSERT_TRUE(choice.has_value());
    if (first_of_b.empty() && choice->tenant == "b") first_of_b = choice->build;
    assume(state, rules, *choice);
  }
  EXPECT_EQ(state.queue.tenants["a"].leased, 10U);
  EXPECT_EQ(state.queue.tenants["b"].leased, 30U);
  EXPECT_EQ(state.queue.tenants["b"].queued, 70U);
  EXPECT_EQ(state.queue.leased_by_backend["local"], 40U);
  EXPECT_EQ(first_of_b, "b100") << "the oldest first";
}

TEST(SchedulingPolicy, KeepsCaps) {
  SchedulingRules rules;
  rules.tenants["a"].max_running = 2;
  EXPECT_TRUE(choose(state_of({{"a", 5, 1, ""}}, {room("l", 1)}), rules).has_value());
  EXPECT_FALSE(choose(state_of({{"a", 5, 2, ""}}, {room("l", 1)}), rules).has_value());
  EXPECT_EQ(
      choose(state_of({{"a", 5, 2, ""}, {"b", 1, 9, ""}}, {room("l", 1)}), rules)->tenant,
      "b");
  rules.tenants["a"].max_running = 0;
  EXPECT_FALSE(choose(state_of({{"a", 5, 0, ""}}, {room("l", 1)}), rules).has_value());
}

TEST(SchedulingPolicy, FollowsTheFirstRouteThatMatches) {
  SchedulingRules rules;
  rules.routes = {{"heavy/*", {"big"}}, {"**", {"small", "big"}}};
  const auto backend = [&](const std::string& repository, unsigned small, unsigned big) {
    const auto choice = choose(
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
      choose(state_of({{"a"}, {"b", 1, 5, ""}}, {room("full", 0), room("open", 1)}), rules);
  ASSERT_TRUE(choice.has_value());
  EXPECT_EQ(choice->tenant, "b");
  EXPECT_EQ(choice->build, "build-of-b");
}

TEST(SchedulingPolicy, ARepositorysCapHoldsBackNoOtherRepository) {
  SchedulingRules rules;
  rules.repositories = {{"a/heavy", 1}, {"a/*", 3}};
  SchedulingState state = state_of({{"a", 4, 1, "a/heavy"}}, {room("local", 9)});
  EXPECT_FALSE(choose(state, rules).has_value());
  RepositorySummary light;
  light.queued = 1;
  light.leased = 2;
  light.heads = {head("a/light", "light", -5)};
  state.queue.put("a/light", RepositorySummary(light), std::nullopt);
  EXPECT_EQ(choose(state, rules)->build, "light") << "although its priority is lower";
  light.leased = 3;
  state.queue.put("a/light", RepositorySummary(light), std::nullopt);
  EXPECT_FALSE(choose(state, rules).has_value()) << "each has the cap for itself";
  rules.repositories = {{"a/heavy", 2}};
  EXPECT_EQ(choose(state, rules)->build, "build-of-a");
  EXPECT_EQ(choose(state, rules)->repository, "a/heavy");
}

TEST(SchedulingPolicy, ABackendsCapHoldsWhateverTheBackendSays) {
  SchedulingRules rules;
  rules.backends["aws"] = 5;
  SchedulingState state = state_of({{"a"}}, {room("aws", 9), room("local", 1)});
  state.queue.leased_by_backend["aws"] = 4;
  EXPECT_EQ(choose(state, rules)->backend, "aws");
  state.queue.leased_by_backend["aws"] = 5;
  EXPECT_EQ(choose(state, rules)->backend, "local");
  EXPECT_EQ(room_of(state, rules, state.backends[0]).why, "at its cap of 5 running builds");
  rules.backends["local"] = 0;
  EXPECT_FALSE(choose(state, rules).has_value());
}

TEST(SchedulingPolicy, ARetryGoesToAnotherBackendWhereOneWorks) {
  SchedulingRules rules;
  const auto backend = [&](const std::vector<BackendSnapshot>& backends) {
    SchedulingState state = state_of({}, backends);
    RepositorySummary failed;
    failed.queued = 1;
    failed.heads = {head("a/app", "failed", 0, "x")};
    state.queue.put("a/app", std::move(failed), std::nullopt);
    const auto choice = choose(state, rules);
    return choice ? choice->backend : std::string("none");
  };
  EXPECT_EQ(backend({room("x", 5), room("y", 5)}), "y");
  EXPECT_EQ(backend({room("x", 5), room("y", 0)}), "none") << "it waits for room there";
  BackendSnapshot broken = room("y", 0);
  broken.works = false;
  EXPECT_EQ(backend({room("x", 5), broken}), "x") << "rather than not at all";
  EXPECT_EQ(backend({room("x", 5)}), "x");
  rules.routes = {{"a/*", {"x"}}};
  EXPECT_EQ(backend({room("x", 5), room("y", 5)}), "x") << "the other is not of its route";
  rules.routes.clear();
  rules.backends["y"] = 0;
  EXPECT_EQ(backend({room("x", 5), room("y", 5)}), "x") << "the other takes none";
}

TEST(SchedulingPolicy, WakesForTheEarliestNotBefore) {
  SchedulingState state = state_of({{"a"}}, {});
  rank_all(state, {});
  EXPECT_FALSE(next_wake(state).has_value());
  const Timestamp base{std::chrono::milliseconds(1000)};
  RepositorySummary waits;
  waits.queued = 1;
  state.queue.put("b/app", RepositorySummary(waits), base + std::chrono::milliseconds(20));
  state.queue.put("c/app", RepositorySummary(waits), base + std::chrono::milliseconds(10));
  rank_all(state, {});
  EXPECT_EQ(next_wake(state), base + std::chrono::milliseconds(10));
  state.queue.put("c/app", RepositorySummary(waits), std::nullopt);
  rank_all(state, {});
  EXPECT_EQ(next_wake(state), base + std::chrono::milliseconds(20));
}

}  // namespace
}  // namespace slipway
