// RowCheck: that every row leads somewhere, read from the metadata store key by key.
//
// It knows the rows as docs/registry.md and src/storage/key_space.hpp tell them, and asks no code of
// the registry's, so that both would have to be wrong in the same way.
//
// Thread safety: a function of one store.
#pragma once

#include <slipway/core/result.hpp>
#include <slipway/storage/blob_store.hpp>

#include "tests/crash/violation.hpp"

namespace slipway::crash {

/// Breaches of `links` and `digests`. Errors: of reading.
Result<void> check_rows(const BlobStore& blobs, Violations& violations);

}  // namespace slipway::crash
