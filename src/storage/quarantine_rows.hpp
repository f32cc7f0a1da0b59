// The rows of blobs that were found damaged (`bq`; key_space.hpp has their form). A blob has either
// this row or those of blob_rows.hpp.
//
// Thread safety: functions of a view or a transaction of the caller's.
#pragma once

#include <optional>
#include <string_view>

#include <slipway/storage/blob_store.hpp>

namespace slipway {

/// Errors: io, corrupt.
Result<std::optional<QuarantinedBlob>> find_quarantine(const ReadView& view, const Digest& digest);

/// Errors: io, corrupt.
Result<std::vector<QuarantinedBlob>> list_quarantine(const ReadView& view);

/// Errors: io.
Result<void> write_quarantine(WriteTransaction& transaction, const QuarantinedBlob& blob);

/// The blob is back, with sound bytes, or nobody needs it any more; nothing where it was not in
/// quarantine. Errors: io.
Result<void> end_quarantine(WriteTransaction& transaction, const Digest& digest);

}  // namespace slipway
