// Forgetting builds that have ended: every row that the queue keeps of one.
//
// Thread safety: pure functions over a view.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/result.hpp>
#include <slipway/core/timestamp.hpp>
#include <slipway/registry/lease.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

/// Ids of builds behind `after`, ascending. Errors: io.
Result<std::vector<std::string>> builds_behind(MetadataStore& metadata, std::string_view after,
                                               std::size_t limit);

/// Rows by which builds keep their contexts, behind the row `after`, in the order of contexts.
/// Errors: io.
Result<std::vector<std::string>> holds_behind(MetadataStore& metadata, std::string_view after,
                                              std::size_t limit);
/// The id of the build that such a row is of.
std::string_view build_of_hold(std::string_view row);

/// All but the log's rows. Nothing when it is gone already. Errors: conflict (it has not ended), io,
/// corrupt.
Result<void> erase_ended_build(WriteTransaction& transaction, std::string_view id,
                               const LeaseTerms& lease, Timestamp now);

}  // namespace slipway
