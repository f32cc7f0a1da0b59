// RegistryTotals from the rows that are kept with every change, and those rows for a store that has
// none because an earlier version wrote it.
//
// Thread safety: any thread.
#pragma once

#include <slipway/registry/registry.hpp>

namespace slipway {

/// Errors: io, corrupt.
Result<RegistryTotals> read_totals(MetadataStore& metadata);

/// Counts once what a version without totals wrote: one transaction that reads all rows. Nothing
/// where there are totals already. Errors: io, corrupt, quota_exceeded.
Result<void> count_what_was_not_counted(MetadataStore& metadata);

}  // namespace slipway
