// The kinds of long operations that a server has (registry/maintenance.hpp).
//
// Thread safety: before the first operation starts.
#pragma once

#include <slipway/core/result.hpp>
#include <slipway/registry/garbage_collector.hpp>
#include <slipway/registry/maintenance.hpp>
#include <slipway/registry/scrub.hpp>

#include "config/configuration.hpp"
#include "serve/engine.hpp"

namespace slipway {

/// Adds "gc", "scrub", "background-scrub" and "backup", and starts what the configuration wants in
/// the background. `collector`, `parts` and the engine must outlive `maintenance`. Errors: io, corrupt.
Result<void> add_operations(Maintenance& maintenance, Engine& engine, GarbageCollector& collector,
                            const ScrubParts& parts, const RegistryConfiguration& configuration);

}  // namespace slipway
