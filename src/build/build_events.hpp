// What is told of builds, in the transactions that change them.
//
// Thread safety: pure functions; they run inside the caller's write.
#pragma once

#include <slipway/build/build.hpp>
#include <slipway/core/result.hpp>
#include <slipway/core/timestamp.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

/// That it was queued, started or finished, if it was; `before` is null for a new build. Errors: io,
/// corrupt, quota_exceeded.
Result<void> announce_build(WriteTransaction& transaction, const Build* before, const Build& after,
                            Timestamp now);

}  // namespace slipway
