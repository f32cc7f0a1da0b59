// The outbox of commit statuses: which builds' states are still to be told to their providers.
//
// A row is written in the transaction that changes a build's state, one for a build: what is sent is
// the state that it is in then. So nothing is lost by a crash, a provider that was away is told the
// latest, and the last word is always the build's end.
//
// Each row notifies `outbox`.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/build/build.hpp>
#include <slipway/core/result.hpp>
#include <slipway/core/timestamp.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

inline constexpr std::string_view outbox_topic = "outbox";

struct PendingStatus {
  std::string build;
  std::uint64_t revision = 0;  // grows with each change of state
  std::uint64_t attempts = 0;  // that failed since
  Timestamp due{};
};

/// The trigger's builds are told of, or not. Errors: io.
Result<void> want_statuses(WriteTransaction& transaction, std::string_view trigger, bool wanted);

/// Within the transaction that made or changed the build; nothing when its trigger wants none.
/// Errors: io, corrupt.
Result<void> queue_status(WriteTransaction& transaction, const Build& build, Timestamp now);

/// In no order that matters, at most `limit`. Errors: io, corrupt.
Result<std::vector<PendingStatus>> pending_statuses(const ReadView& view, std::size_t limit);

/// It was sent, or never will be: it goes, unless the build changed since. Errors: io, corrupt.
Result<void> settle_status(MetadataStore& metadata, const PendingStatus& sent);

/// It failed and is tried again then, unless the build changed since. Errors: io, corrupt.
Result<void> postpone_status(MetadataStore& metadata, const PendingStatus& failed, Timestamp due);

}  // namespace slipway
