// The feed of builds: which changed last, in an order that survives a restart.
//
// Every change of a build gives it the next number of the store's one sequence, in the transaction
// of the change; a build stands in the feed once, under its latest. So the feed is as long as there
// are builds, whoever reads slowly meets each build once, as it is then, and whoever comes back
// with the number that he saw last misses no build that changed since.
//
// Each change notifies `builds`.
//
// Thread safety: pure functions over a view.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

inline constexpr std::string_view builds_topic = "builds";

struct FeedEntry {
  std::uint64_t number = 0;
  std::string build;
};

/// Errors: io, corrupt.
Result<void> note_in_feed(WriteTransaction& transaction, std::string_view build);

/// The number of the latest change of all; 0 before the first. Errors: io, corrupt.
Result<std::uint64_t> feed_end(const ReadView& view);

/// The number of a build's latest change; 0 for one without. Errors: io, corrupt.
Result<std::uint64_t> feed_number(const ReadView& view, std::string_view build);

/// The builds that changed behind `number`, in order, at most `limit`. Errors: io, corrupt.
Result<std::vector<FeedEntry>> feed_behind(const ReadView& view, std::uint64_t number,
                                           std::size_t limit);

/// A build that is forgotten. Errors: io, corrupt.
Result<void> erase_from_feed(WriteTransaction& transaction, std::string_view build);

}  // namespace slipway
