// Effects: what actions that several tests do write, as History wants to know it.
//
// Worked out from what the documentation promises, with none of the code that is tested.
//
// Thread safety: functions of constant content.
#pragma once

#include <vector>

#include "tests/crash/history.hpp"
#include "tests/crash/world.hpp"

namespace slipway::crash {

/// Of a blob that came into a repository.
std::vector<Effect> effects_of_blob(const RepositoryName& repository, const Digest& digest);

/// What a pass of the garbage collector may have removed, and what rules that out:
/// docs/garbage_collection.md.
std::vector<Effect> possible_removals(const World& world);

}  // namespace slipway::crash
