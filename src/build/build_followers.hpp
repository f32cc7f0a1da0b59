// What else is written when a build is made or changes: all that is not the build's own rows, in the
// same transaction, so that nothing of it is lost or told twice.
//
// Thread safety: pure functions; they run inside the caller's write.
#pragma once

#include <slipway/build/build.hpp>
#include <slipway/core/result.hpp>
#include <slipway/core/timestamp.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

/// `before` is null for a new build. Errors: io, corrupt, quota_exceeded.
Result<void> follow_change(WriteTransaction& transaction, const Build* before, const Build& after,
                           Timestamp now);

}  // namespace slipway
