// Totals: how many things of a kind the store has, and their bytes, as rows that change in the
// transactions that change the things. So they are exact, and reading them walks nothing.
//
// One row a kind suits a store with one writer at a time, where the row's page is written once for a
// whole group of transactions.
//
// Thread safety: functions of a view or a transaction of the caller's.
#pragma once

#include <cstdint>
#include <string_view>

#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway::totals {

inline constexpr std::string_view blobs = "blobs";  // with their bytes
inline constexpr std::string_view manifests = "manifests";
inline constexpr std::string_view repositories = "repositories";
inline constexpr std::string_view tags = "tags";

struct Total {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;

  friend bool operator==(const Total&, const Total&) = default;
};

/// Errors: io, corrupt.
Result<Total> read(const ReadView& view, std::string_view kind);

/// Either may be negative; neither total falls below 0. Errors: io, corrupt.
Result<void> add(WriteTransaction& transaction, std::string_view kind, std::int64_t count,
                 std::int64_t bytes = 0);

}  // namespace slipway::totals
