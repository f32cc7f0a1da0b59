// Commit statuses in the outbox: which builds' states are still to be told to their providers.
//
// There is one row for a build, written in the transaction that changes its state; what is sent is
// the state that it is in then. So a provider that was away is told the latest, and the last word is
// always the build's end.
//
// Thread safety: pure functions; they run inside the caller's write.
#pragma once

#include <string_view>

#include <slipway/build/build.hpp>
#include <slipway/core/result.hpp>
#include <slipway/core/timestamp.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

/// The trigger's builds are told of, at this URL. Errors: io.
Result<void> want_statuses(WriteTransaction& transaction, std::string_view trigger,
                           std::string_view api);

/// Not any more. Errors: io.
Result<void> want_no_statuses(WriteTransaction& transaction, std::string_view trigger);

/// Within the transaction that made or changed the build; nothing when its trigger wants none.
/// Errors: io, corrupt.
Result<void> queue_status(WriteTransaction& transaction, const Build& build, Timestamp now);

}  // namespace slipway
