// A walk over the rows whose keys begin with a prefix, in their order or against it.
//
// Thread safety: functions of the caller's view.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

/// Calls `visit(const Cursor&)`, a Result<bool>, for each row from `start` on, until it answers
/// false. The rows must not change meanwhile. Errors: io, corrupt, those of `visit`.
template <class Visit>
Result<void> each_row(const ReadView& view, std::string_view prefix, std::string_view start,
                      const Visit& visit) {
  SLIPWAY_TRY(const auto cursor, view.cursor());
  SLIPWAY_TRY(bool found, cursor->seek(std::max(prefix, start)));
  while (found && cursor->key().starts_with(prefix)) {
    const Result<bool> more = visit(*cursor);
    if (!more) return more.error();
    if (!*more) return {};
    SLIPWAY_TRY(found, cursor->next());
  }
  return {};
}

template <class Visit>
Result<void> each_row(const ReadView& view, std::string_view prefix, const Visit& visit) {
  return each_row(view, prefix, {}, visit);
}

/// The same against their order, from the last one below `prefix` + `before` on; empty: from the
/// end. REQUIRES: no key has 0xFF behind the prefix.
template <class Visit>
Result<void> each_row_backwards(const ReadView& view, std::string_view prefix,
                                std::string_view before, const Visit& visit) {
  SLIPWAY_TRY(const auto cursor, view.cursor());
  SLIPWAY_TRY(bool found, cursor->seek_before(std::string(prefix).append(
                              before.empty() ? std::string_view("\xFF") : before)));
  while (found && cursor->key().starts_with(prefix)) {
    const Result<bool> more = visit(*cursor);
    if (!more) return more.error();
    if (!*more) return {};
    SLIPWAY_TRY(found, cursor->previous());
  }
  return {};
}

}  // namespace slipway
