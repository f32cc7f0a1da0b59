// The rows of a build: its record, and those that follow from it: its places in the lists, what it
// has in the queue (queue_rows.hpp), and that its context must not be collected. They are all
// functions of the record, so saving one is replacing the rows of the old record by those of the
// new. Only the context's row may go before the record: retention releases it (release_context).
//
// Thread safety: pure functions over a view.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/build/build.hpp>
#include <slipway/build/build_queue.hpp>
#include <slipway/core/result.hpp>
#include <slipway/registry/lease.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

/// Errors: not_found, io, corrupt.
Result<Build> load_build(const ReadView& view, std::string_view id);

/// A new build. Errors: not_found (its context), io, too_large.
Result<void> insert_build(WriteTransaction& transaction, const Build& build);

/// REQUIRES: both have the same id. Errors: io, too_large, corrupt.
Result<void> replace_build(WriteTransaction& transaction, const Build& before, const Build& after);

/// A build that has ended keeps its context no more, whose lease begins anew: who was told that it
/// is there may rely on that. Nothing when it was released already, or has none. Errors: io, corrupt.
Result<void> release_context(WriteTransaction& transaction, const Build& build,
                             const LeaseTerms& lease, Timestamp now);

/// All rows of a build that has ended; its context is released. Errors: io, corrupt.
Result<void> erase_build(WriteTransaction& transaction, const Build& build, const LeaseTerms& lease,
                         Timestamp now);

/// Errors: invalid_argument, io, corrupt.
Result<BuildPage> list_builds(const ReadView& view, const BuildFilter& filter);

/// The ids of builds in a state, oldest first. Errors: io.
Result<std::vector<std::string>> builds_in_state(const ReadView& view, BuildState state);

/// Ids of queued builds, oldest first, until `visit` answers false. Errors: io, those of `visit`.
Result<void> each_waiting_build(const ReadView& view,
                                const std::function<Result<bool>(const std::string&)>& visit);

}  // namespace slipway
