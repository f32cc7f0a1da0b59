#include <slipway/build/build_state.hpp>

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

namespace slipway {
namespace {

constexpr std::array states{BuildState::queued,    BuildState::starting, BuildState::running,
                            BuildState::succeeded, BuildState::failed,   BuildState::cancelled};
constexpr std::array events{
    BuildEvent::leased,      BuildEvent::no_room,     BuildEvent::registered,
    BuildEvent::succeeded,   BuildEvent::failed_user, BuildEvent::failed_timeout,
    BuildEvent::interrupted, BuildEvent::exhausted,   BuildEvent::cancelled};

/// The life of a build as the documentation tells it, by name: one line a state.
const std::map<std::string, std::map<std::string, std::string>> told{
    {"queued",
     {{"leased", "starting"}, {"failed_timeout", "failed"}, {"cancelled", "cancelled"}}},
    {"starting",
     {{"no_room", "queued"},
      {"registered", "running"},
      {"interrupted", "queued"},
      {"exhausted", "failed"},
      {"cancelled", "cancelled"}}},
    {"running",
     {{"succeeded", "succeeded"},
      {"failed_user", "failed"},
      {"failed_timeout", "failed"},
      {"interrupted", "queued"},
      {"exhausted", "failed"},
      {"cancelled", "cancelled"}}},
    {"succeeded", {}},
    {"failed", {}},
    {"cancelled", {}}};

TEST(BuildState, HasExactlyTheTransitionsThatAreTold) {
  ASSERT_EQ(told.size(), states.size());
  for (BuildState from : states)
    for (BuildEvent event : events) {
      const auto& row = told.at(std::string(to_string(from)));
      const auto expected = row.find(std::string(to_string(event)));
      const auto next = next_state(from, event);
      ASSERT_EQ(next.has_value(), expected != row.end())
          << to_string(from) << " and " << to_string(event);
      if (next) {
        EXPECT_EQ(to_string(*next), expected->second);
      }
    }
}

TEST(BuildState, NothingLeavesAnEnd) {
  for (BuildState state : states) {
    bool leaves = false;
    for (BuildEvent event : events) leaves = leaves || next_state(state, event).has_value();
    EXPECT_EQ(leaves, !is_final(state)) << to_string(state);
  }
}

TEST(BuildState, NamesCanBeReadBack) {
  for (BuildState state : states) EXPECT_EQ(parse_build_state(to_string(state)), state);
  for (auto phase : {BuildPhase::fetching, BuildPhase::building, BuildPhase::pushing})
    EXPECT_EQ(parse_build_phase(to_string(phase)), phase);
  for (auto failure : {FailureClass::user, FailureClass::infrastructure, FailureClass::timeout})
    EXPECT_EQ(parse_failure_class(to_string(failure)), failure);
  for (auto outcome : {AttemptOutcome::succeeded, AttemptOutcome::user,
                       AttemptOutcome::infrastructure, AttemptOutcome::timeout,
                       AttemptOutcome::cancelled, AttemptOutcome::lost, AttemptOutcome::no_room})
    EXPECT_EQ(parse_attempt_outcome(to_string(outcome)), outcome);
  EXPECT_EQ(parse_build_state("Queued"), std::nullopt);
  EXPECT_EQ(parse_build_phase(""), std::nullopt);
}

}  // namespace
}  // namespace slipway
