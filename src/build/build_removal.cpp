#include "build/build_removal.hpp"

#include <algorithm>

#include <slipway/support/ulid.hpp>

#include "build/build_rows.hpp"
#include "build/change_feed.hpp"
#include "build/trigger_keys.hpp"
#include "storage/key_space.hpp"
#include "storage/row_walk.hpp"
#include "support/format.hpp"

namespace slipway {

using key_space::Key;

Result<std::vector<std::string>> builds_behind(MetadataStore& metadata, std::string_view after,
                                               std::size_t limit) {
  std::vector<std::string> ids;
  SLIPWAY_TRY(const auto view, metadata.snapshot());
  SLIPWAY_TRY(const auto cursor, view->cursor());
  const std::string from =
      after.empty() ? std::string(key_space::build) : Key(key_space::build).text(after).str() + '\0';
  SLIPWAY_TRY(bool found, cursor->seek(from));
  while (found && cursor->key().starts_with(key_space::build) && ids.size() < limit) {
    std::string_view id = cursor->key().substr(key_space::build.size());
    id.remove_suffix(1);  // the zero byte behind a text part
    ids.emplace_back(id);
    SLIPWAY_TRY(found, cursor->next());
  }
  return ids;
}

Result<std::vector<std::string>> holds_behind(MetadataStore& metadata, std::string_view after,
                                              std::size_t limit) {
  std::vector<std::string> holds;
  SLIPWAY_TRY(const auto view, metadata.snapshot());
  const std::string from = std::string(after) + '\0';
  SLIPWAY_CHECK(each_row(*view, key_space::kept_by, from, [&](const Cursor& row) -> Result<bool> {
    holds.emplace_back(row.key());
    return holds.size() < limit;
  }));
  return holds;
}

std::string_view build_of_hold(std::string_view row) {
  row.remove_suffix(1);  // the zero byte behind a text part
  return row.substr(row.size() - std::min(row.size(), ulid_size));
}

Result<void> erase_ended_build(WriteTransaction& transaction, std::string_view id,
                               const LeaseTerms& lease, Timestamp now) {
  const auto build = load_build(transaction, id);
  if (!build && build.error().code == ErrorCode::not_found) return {};
  if (!build) return build.error();
  if (!is_final(build->state))
    return Error(ErrorCode::conflict, slipway::format("build {} has not ended", id));
  SLIPWAY_CHECK(erase_build(transaction, *build, lease, now));
  SLIPWAY_CHECK(erase_from_feed(transaction, id));
  if (const auto key = delivery_key(build->request)) {
    SLIPWAY_TRY(const auto made, transaction.get(*key));
    if (made && *made == id) SLIPWAY_CHECK(transaction.erase(*key));
  }
  if (const auto key = latest_key(build->request)) {
    SLIPWAY_TRY(const auto latest, transaction.get(*key));
    if (latest && *latest == id) SLIPWAY_CHECK(transaction.erase(*key));
  }
  return {};
}

}  // namespace slipway
