// The outbox: what is still to be sent to other servers, in rows that are written in the transaction
// of the change that they tell of. So nothing is lost by a crash, nothing is told that did not
// happen, and what was sent just before a crash may be sent again.
//
// Rows are found by where they go and when they are due: of each destination the first is one seek
// away, however many wait for another.
//
// Each row notifies `outbox`.
//
// Thread safety: pure functions over a view; those with a transaction run inside the caller's write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/result.hpp>
#include <slipway/core/timestamp.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

inline constexpr std::string_view outbox_topic = "outbox";

enum class OutboxKind : char {
  status = 's',        // a commit's status; the id is a build's
  notification = 'n',  // the id is a delivery's
};

struct OutboxItem {
  OutboxKind kind = OutboxKind::status;
  std::string id;           // ULID
  std::string destination;  // host and port
  std::uint64_t revision = 0;  // grows each time that it is put
  std::uint64_t attempts = 0;  // that failed since
  Timestamp due{};

  friend bool operator==(const OutboxItem&, const OutboxItem&) = default;
};

namespace outbox {

/// The destination of a URL: its host and port in lower case. Empty when it is malformed: such are
/// one destination together.
std::string destination_of(std::string_view url);

/// One that waits already is replaced, with the next revision. Errors: io, corrupt.
Result<void> put(WriteTransaction& transaction, OutboxKind kind, std::string_view id,
                 std::string_view destination, Timestamp due);

/// Errors: io, corrupt.
Result<std::optional<OutboxItem>> find(const ReadView& view, std::string_view id);

/// It was sent, or never will be: it goes, unless it was put anew meanwhile. Errors: io, corrupt.
Result<void> settle(WriteTransaction& transaction, const OutboxItem& sent);

/// It failed and is tried again then, unless it was put anew meanwhile. Errors: io, corrupt.
Result<void> postpone(WriteTransaction& transaction, const OutboxItem& failed, Timestamp due);

/// Nobody wants it any more. Errors: io, corrupt.
Result<void> withdraw(WriteTransaction& transaction, std::string_view id);

/// All that something waits for, in order. One seek each. Errors: io, corrupt.
Result<std::vector<std::string>> destinations(const ReadView& view);

/// What waits for a destination, the first due first, at most `limit`. Errors: io, corrupt.
Result<std::vector<OutboxItem>> waiting(const ReadView& view, std::string_view destination,
                                        std::size_t limit);

}  // namespace outbox
}  // namespace slipway
