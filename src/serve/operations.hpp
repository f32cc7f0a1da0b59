// The kinds of long operations that a server has (registry/maintenance.hpp).
//
// Thread safety: before the first operation starts.
#pragma once

#include <slipway/core/result.hpp>
#include <slipway/registry/maintenance.hpp>
#include <slipway/registry/scrub.hpp>

#include "config/configuration.hpp"
#include "serve/engine.hpp"

namespace slipway {

/// Adds "scrub", "background-scrub" and "backup", and starts what the configuration wants in the
/// background. `parts` and the engine must outlive `maintenance`. Errors: io, corrupt.
Result<void> add_operations(Maintenance& maintenance, Engine& engine, const ScrubParts& parts,
                            const ScrubConfiguration& configuration);

}  // namespace slipway
