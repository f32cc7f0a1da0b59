#include "build/older_rows.hpp"

#include <string>
#include <vector>

#include "build/build_rows.hpp"
#include "storage/key_space.hpp"

namespace slipway {

namespace {

using key_space::Key;

constexpr std::string_view waiting_by_tenant = "qw";  // tenant, rank, build
constexpr std::string_view counts_by_tenant = "qc";   // tenant: queued, leased
constexpr std::size_t rows_at_once = 10'000;

/// Keys that begin with the prefix, at most so many. Errors: io.
Result<std::vector<std::string>> keys_of(const ReadView& view, std::string_view prefix) {
  std::vector<std::string> keys;
  SLIPWAY_TRY(const auto cursor, view.cursor());
  SLIPWAY_TRY(bool found, cursor->seek(prefix));
  while (found && cursor->key().starts_with(prefix) && keys.size() < rows_at_once) {
    keys.emplace_back(cursor->key());
    SLIPWAY_TRY(found, cursor->next());
  }
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
    SLIPWAY_CHECK(write_queue_row(transaction, build));
  }
  return !keys.empty();
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

}  // namespace slipway
