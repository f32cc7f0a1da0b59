#include "build/older_rows.hpp"

#include <map>
#include <string>
#include <vector>

#include <slipway/support/ulid.hpp>

#include "build/build_rows.hpp"
#include "build/queue_rows.hpp"
#include "build/status_outbox.hpp"
#include "storage/key_space.hpp"
#include "storage/row_walk.hpp"

namespace slipway {

namespace {

constexpr std::string_view waiting_by_tenant = "qw";  // tenant, rank, build
constexpr std::string_view counts_by_tenant = "qc";   // tenant: queued, leased
constexpr std::size_t rows_at_once = 10'000;

/// Keys that begin with the prefix, at most so many. Errors: io.
Result<std::vector<std::string>> keys_of(const ReadView& view, std::string_view prefix) {
  std::vector<std::string> keys;
  SLIPWAY_CHECK(each_row(view, prefix, [&](const Cursor& row) -> Result<bool> {
    keys.emplace_back(row.key());
    return keys.size() < rows_at_once;
  }));
  return keys;
}

/// Takes some of the rows by tenant away and writes those of their builds. Answers whether there
/// were any. Errors: io, corrupt.
Result<bool> renew_some(WriteTransaction& transaction) {
  SLIPWAY_TRY(const auto keys, keys_of(transaction, waiting_by_tenant));
  for (const std::string& key : keys) {
    SLIPWAY_TRY(const Build build,
                load_build(transaction, std::string_view(key).substr(key.size() - 27, 26)));
    SLIPWAY_CHECK(transaction.erase(key));
    if (const auto row = queue_row(build)) SLIPWAY_CHECK(transaction.put(row->key, row->value));
  }
  return !keys.empty();
}

/// The counts of repositories, from the builds that there are. Errors: io, corrupt.
Result<void> count_builds_again(WriteTransaction& transaction) {
  struct Counts {
    std::size_t queued = 0;
    std::size_t leased = 0;
  };
  std::map<std::string, Counts> counts;
  for (const BuildState state : {BuildState::queued, BuildState::starting, BuildState::running}) {
    SLIPWAY_TRY(const auto ids, builds_in_state(transaction, state));
    for (const std::string& id : ids) {
      SLIPWAY_TRY(const Build build, load_build(transaction, id));
      Counts& of_repository = counts[build.request.repository.str()];
      ++(is_leased(state) ? of_repository.leased : of_repository.queued);
    }
  }
  for (const auto& [repository, count] : counts)
    SLIPWAY_CHECK(write_repository_counts(transaction, repository, count.queued, count.leased));
  return {};
}

/// Of a commit's status in the outbox: revision, attempts, when next.
constexpr std::size_t older_outbox_row = 24;

/// Ids of builds whose row in the outbox is of the earlier form. Errors: io.
Result<std::vector<std::string>> older_statuses(const ReadView& view) {
  constexpr std::string_view prefix = key_space::outbox;
  std::vector<std::string> builds;
  SLIPWAY_CHECK(each_row(view, prefix, [&](const Cursor& row) -> Result<bool> {
    if (row.value().size() == older_outbox_row)
      builds.emplace_back(row.key().substr(prefix.size(), ulid_size));
    return builds.size() < rows_at_once;
  }));
  return builds;
}

/// Answers whether there were any. Errors: io, corrupt.
Result<bool> renew_some_statuses(WriteTransaction& transaction) {
  SLIPWAY_TRY(const auto builds, older_statuses(transaction));
  for (const std::string& id : builds) {
    SLIPWAY_CHECK(transaction.erase(key_space::Key(key_space::outbox).text(id)));
    const auto build = load_build(transaction, id);
    if (build) SLIPWAY_CHECK(queue_status(transaction, *build, Timestamp()));
  }
  return !builds.empty();
}

}  // namespace

Result<void> renew_queue_rows(MetadataStore& metadata) {
  bool old = false;
  {
    SLIPWAY_TRY(const auto view, metadata.snapshot());
    SLIPWAY_TRY(const auto keys, keys_of(*view, counts_by_tenant));
    old = !keys.empty();
  }
  if (!old) return {};
  bool more = true;
  const auto renew = [&more](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_TRY(more, renew_some(transaction));
    return {};
  };
  while (more) SLIPWAY_CHECK(metadata.write(renew));
  return metadata.write([](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_CHECK(count_builds_again(transaction));
    while (true) {
      SLIPWAY_TRY(const auto keys, keys_of(transaction, counts_by_tenant));
      if (keys.empty()) return {};
      for (const std::string& key : keys) SLIPWAY_CHECK(transaction.erase(key));
    }
  });
}

Result<void> renew_outbox_rows(MetadataStore& metadata) {
  {
    SLIPWAY_TRY(const auto view, metadata.snapshot());
    SLIPWAY_TRY(const auto builds, older_statuses(*view));
    if (builds.empty()) return {};
  }
  bool more = true;
  const auto renew = [&more](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_TRY(more, renew_some_statuses(transaction));
    return {};
  };
  while (more) SLIPWAY_CHECK(metadata.write(renew));
  return {};
}

}  // namespace slipway
