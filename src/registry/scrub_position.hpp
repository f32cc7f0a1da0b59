// Where a scrub that takes days has come to (`bs`; key_space.hpp has the row's form).
//
// Thread safety: any thread.
#pragma once

#include <optional>

#include <slipway/core/digest.hpp>
#include <slipway/core/timestamp.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

/// The last digest that a scrub had read when it was stopped; nullopt: it starts anew.
/// Errors: io, corrupt.
Result<std::optional<Digest>> kept_position(MetadataStore& metadata);

/// Errors: io, quota_exceeded.
Result<void> keep_position(MetadataStore& metadata, const std::optional<Digest>& last);

/// It came to its end. Errors: io, quota_exceeded.
Result<void> end_scrub(MetadataStore& metadata, Timestamp now);

}  // namespace slipway
