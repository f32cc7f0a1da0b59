// What is told of tags, in the transactions that move and remove them.
//
// Thread safety: pure functions; they run inside the caller's write.
#pragma once

#include <optional>
#include <string_view>

#include <slipway/core/digest.hpp>
#include <slipway/core/reference.hpp>
#include <slipway/core/result.hpp>
#include <slipway/core/timestamp.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

/// `previous`: what it named before, if it was there. REQUIRES: the manifest is. Errors: io, corrupt,
/// quota_exceeded.
Result<void> announce_tag_pushed(WriteTransaction& transaction, const RepositoryName& repository,
                                 std::string_view tag, const Digest& manifest,
                                 const std::optional<Digest>& previous, Timestamp now);

/// Errors: io, corrupt, quota_exceeded.
Result<void> announce_tag_deleted(WriteTransaction& transaction, const RepositoryName& repository,
                                  std::string_view tag, const Digest& manifest, Timestamp now);

}  // namespace slipway
