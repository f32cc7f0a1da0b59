// StateCheck: opens what a power cut left with the code that runs in production, and checks every
// invariant of docs/storage.md in it.
//
// Thread safety: one thread; a state is changed by its check.
#pragma once

#include <filesystem>
#include <map>
#include <set>

#include "tests/crash/history.hpp"
#include "tests/crash/violation.hpp"
#include "tests/crash/world.hpp"

namespace slipway::crash {

/// What may be found at one point of the log.
struct Expectation {
  std::map<Fact, std::set<Value>> allowed;
  std::vector<const Upload*> uploads;  // those that were begun and have not expired by `now`
};

Expectation expectation(const History& history, const std::vector<Upload>& uploads, Timestamp now);

Violations check_state(World& world, const Expectation& expected,
                       const std::filesystem::path& data);

}  // namespace slipway::crash
