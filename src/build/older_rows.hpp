// Folders that an earlier version wrote: their queue was kept by tenant, and is by repository now;
// their outbox was not kept by destination.
//
// Thread safety: before anyone else uses the store's queue.
#pragma once

#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

/// Brings the rows of waiting builds and of counts up to date, once; a crash in between only makes
/// it begin again. Errors: io, corrupt.
Result<void> renew_queue_rows(MetadataStore& metadata);

/// The same for what waits in the outbox. Errors: io, corrupt.
Result<void> renew_outbox_rows(MetadataStore& metadata);

}  // namespace slipway
