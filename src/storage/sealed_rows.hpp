// Rows whose values are secrets: sealed under the store's key (MetadataStore::sealer), each bound
// to the key of its row.
//
// key_space.hpp says which kinds of rows these are; seal_secret_rows knows them all.
//
// Thread safety: pure functions over a view.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>
#include <slipway/support/sealer.hpp>

namespace slipway::sealed_rows {

/// The secret of a row; nullopt without a row. Errors: io, corrupt.
Result<std::optional<std::string>> get(const ReadView& view, const Sealer& sealer,
                                       std::string_view key);

/// Errors: as put.
Result<void> put(WriteTransaction& transaction, const Sealer& sealer, std::string_view key,
                 std::string_view secret);

/// A key of 32 random bytes that the store keeps under this name; made when it is missing.
/// Errors: io, quota_exceeded, corrupt.
Result<std::string> random_key(MetadataStore& metadata, std::string_view name);

enum class Lock {
  none,      // the store was never sealed
  fits,      // all that is sealed was sealed with the current key
  previous,  // with one of the previous keys
};

/// Do the sealer's keys open the store? Errors: corrupt (they do not), io.
Result<Lock> try_lock(const ReadView& view, const Sealer& sealer);

/// Seals with the current key what is not: all in one transaction, so that `try_lock` speaks for
/// every row. Errors: corrupt (a row that none of the keys opens), io, quota_exceeded.
Result<void> seal_secret_rows(MetadataStore& metadata);

}  // namespace slipway::sealed_rows
