// Session: a registry over a data folder, from its opening to its end, and clients that work with it
// from several threads. Each action is marked in the recording when it begins and when it is
// answered.
//
// Thread safety: one thread makes and runs it.
#pragma once

#include <filesystem>

#include "tests/crash/recorder.hpp"
#include "tests/crash/world.hpp"

namespace slipway::crash {

struct SessionOptions {
  unsigned threads = 4;
  unsigned actions = 25;  // of each thread
};

/// Opens, works and closes. Whatever no client may see goes to World::complain.
void run_session(World& world, Recorder& recorder, const std::filesystem::path& data,
                 std::uint64_t seed, const SessionOptions& options = {});

}  // namespace slipway::crash
