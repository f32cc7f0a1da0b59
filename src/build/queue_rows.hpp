// What builds have in the queue: the place of each that waits, by its repository and rank or by
// when it may start, and counts of repositories and backends. All of it follows from the records,
// and changes with them (build_rows.hpp).
//
// Thread safety: pure functions over a view.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/build/build.hpp>
#include <slipway/build/queue_summary.hpp>
#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

/// One that follows from a build's record.
struct BuildRow {
  std::string key;
  std::string value;

  friend bool operator==(const BuildRow&, const BuildRow&) = default;
};

/// Where the build stands in the queue; none when it does not wait.
std::optional<BuildRow> queue_row(const Build& build);

/// Counts a build that waits or is leased in (sign 1) or out (-1). Errors: io, corrupt.
Result<void> count_in_queue(WriteTransaction& transaction, const Build& build, int sign);

/// Both are the same to the counts, but for the backend of one that is leased.
bool counts_alike(const Build& a, const Build& b);

/// Builds of a repository that are queued and leased, as they are. Errors: io, too_large.
Result<void> write_repository_counts(WriteTransaction& transaction, std::string_view repository,
                                     std::size_t queued, std::size_t leased);

/// A point read and a seek, however many builds wait. Errors: io, corrupt.
Result<RepositorySummary> read_repository(const ReadView& view, std::string_view repository);

/// When the first build of the tenant may start of those that may not yet. Errors: io.
Result<std::optional<Timestamp>> read_next_ready(const ReadView& view, std::string_view tenant);

/// Repositories that have builds queued or leased. Errors: io.
Result<std::vector<std::string>> active_repositories(const ReadView& view);

/// Errors: io, corrupt.
Result<std::map<std::string, std::size_t, std::less<>>> read_backend_counts(const ReadView& view);

/// Builds of the tenant whose backoff is over, at most `limit`. Errors: io.
Result<std::vector<std::string>> ripe_builds(const ReadView& view, std::string_view tenant,
                                             Timestamp now, std::size_t limit);

/// As BuildQueue::position. Errors: io.
Result<std::optional<std::size_t>> queue_position(const ReadView& view, const Build& build,
                                                  std::size_t limit);

}  // namespace slipway
