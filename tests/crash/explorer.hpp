// Explorer: every state that a power cut could leave along a log, each opened and checked.
//
// A point is just before a call that changes files, or the log's end. At a point with few states all
// are tried; at others corners (see Sample) and random ones, up to a budget. Now and then the system
// writes back some of what is not flushed, or all, as it does after some seconds.
//
// States are tried in a child process: one that makes the store crash is a violation like others.
//
// Thread safety: REQUIRES that no other thread runs, since it forks.
#pragma once

#include <cstdint>

#include "tests/crash/disk.hpp"
#include "tests/crash/violation.hpp"
#include "tests/crash/world.hpp"

namespace slipway::crash {

struct ExploreOptions {
  std::uint64_t seed = 0;
  std::uint64_t states_at_a_point = 6;
  std::uint64_t few = 32;  // states that are all tried
  std::size_t first = 0;  // the entry before which the first point may be
  /// Of how many calls one is followed by writing back; 0: none is.
  std::uint64_t write_back_every = 30;
  Disk::IgnoredFlush ignored{};
  std::size_t enough = 5;  // violations, then it stops
};

struct Exploration {
  std::uint64_t points = 0;
  std::uint64_t states = 0;
  std::uint64_t exhausted = 0;  // points at which all states were tried
  Violations violations{};
};

/// States lie in memory. SLIPWAY_CRASH_KEEP names a folder into which the first state that breaks an
/// invariant is copied, as the power cut left it.
Exploration explore(World& world, const CallLog& log, const ExploreOptions& options);

}  // namespace slipway::crash
