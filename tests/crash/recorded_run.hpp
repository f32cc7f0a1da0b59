// RecordedRun: a workload of several sessions over one data folder, as one log.
//
// All sessions but the last are killed: their log ends at a random entry, and the next begins with
// the files as they were then. After each, the log is proven complete: what it says is what is there.
//
// Thread safety: one thread makes it.
#pragma once

#include <memory>

#include "tests/crash/call_log.hpp"
#include "tests/crash/session.hpp"
#include "tests/crash/world.hpp"

namespace slipway::crash {

struct RunOptions {
  unsigned sessions = 3;
  SessionOptions session{};
  bool in_memory = false;  // where flushes take no time, so that threads meet less
};

struct RecordedRun {
  std::unique_ptr<World> world;
  CallLog log;
};

/// What is wrong goes to World::complain.
RecordedRun record_run(std::uint64_t seed, const RunOptions& options = {});

}  // namespace slipway::crash
