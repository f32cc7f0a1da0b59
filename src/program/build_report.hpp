// Builds as people read them on a terminal.
//
// Thread safety: pure functions.
#pragma once

#include <slipway/build/build.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace slipway {

/// One row a build.
std::string build_table(const std::vector<Build>& builds);

/// All that is known of it, a line each, and its waterfall. `waits`: why it does, or empty.
std::string build_details(const Build& build, std::string_view waits = {});

/// How long each step took, drawn against the whole:
///
///   waiting    0.01 s  |
///   building   4.20 s  |   ==========================
std::string waterfall(const BuildTimes& times);

/// What became of a build that was followed to its end: outcome, digest, waterfall, and the line
/// that pulls it from the server at `url`.
std::string build_outcome(const Build& build, std::string_view url);

}  // namespace slipway
