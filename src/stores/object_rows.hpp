// Visits the objects that a metadata store refers to.
//
// Thread safety: any thread.
#pragma once

#include <functional>
#include <string>

#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

/// Calls `visit` with the key of each object that a blob's record names. Errors: io, corrupt, those of
/// `visit`.
Result<void> for_each_object_row(MetadataStore& metadata,
                                 const std::function<Result<void>(const std::string& key)>& visit);

}  // namespace slipway
