// The crash-point test: a workload is recorded, and every state that a power cut could leave along
// it is opened and checked against the invariants of docs/storage.md.
//
// SLIPWAY_TEST_SEED repeats a run's workload and choices (not the turns of its threads).
// SLIPWAY_CRASH_STATES is how many states are tried at a point (all, where they are at most some
// five times as many), SLIPWAY_CRASH_ACTIONS how many actions each thread does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "tests/crash/explorer.hpp"
#include "tests/crash/recorded_run.hpp"
#include "tests/crash/run_testing.hpp"
#include "tests/storage/random_seed.hpp"

namespace slipway::crash {

namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::stoull(text);
}

TEST(Invariants, AreThoseThatTheDocumentationStates) {
  std::ifstream page("docs/storage.md");
  std::vector<std::string> stated;
  bool within = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("## ")) within = line == "## What a power cut leaves";
    if (within && line.starts_with("| **"))
      stated.push_back(line.substr(4, line.find("**", 4) - 4));
  }
  EXPECT_THAT(stated, testing::ElementsAreArray(invariant::all));
}

class Workloads : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Workloads, EveryStateKeepsTheInvariants) {
  const std::uint64_t seed = test::random_seed() + GetParam();
  RunOptions options;
  options.session.actions = static_cast<unsigned>(number_from("SLIPWAY_CRASH_ACTIONS", 8));
  const RecordedRun run = record_run(seed, options);
  ASSERT_EQ(shown(run.world->problems()), "");

  ExploreOptions explore_options;
  explore_options.seed = seed;
  explore_options.states_at_a_point = number_from("SLIPWAY_CRASH_STATES", 6);
  explore_options.few = 5 * explore_options.states_at_a_point + 2;
  const Exploration found = explore(*run.world, run.log, explore_options);
  std::cout << run.log.size() << " entries, " << run.world->actions().size() << " actions, "
            << found.points << " points, all states tried at " << found.exhausted << ", "
            << found.states << " states" << std::endl;
  EXPECT_EQ(shown(found.violations), "");
}

INSTANTIATE_TEST_SUITE_P(CrashPoints, Workloads, testing::Values(0, 1, 2),
                         testing::PrintToStringParamName());

}  // namespace

}  // namespace slipway::crash
