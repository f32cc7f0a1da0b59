// The operation "tidy-builds": retention of builds, logs and deliveries, and compressing finished logs.
#pragma once

#include <slipway/build/build_retention.hpp>
#include <slipway/registry/maintenance.hpp>

namespace slipway {

/// It takes no options. The parts must outlive it.
OperationMaker tidy_builds_operation(const BuildRetentionParts& parts,
                                     const BuildRetention& retention);

}  // namespace slipway
