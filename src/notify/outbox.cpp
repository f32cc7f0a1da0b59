#include "notify/outbox.hpp"

#include <algorithm>
#include <utility>

#include <slipway/support/ulid.hpp>

#include "storage/key_space.hpp"
#include "storage/row_walk.hpp"
#include "support/url_parts.hpp"

namespace slipway::outbox {
namespace {

using key_space::Key;

/// What names of hosts may have (RFC 1035 section 2.3.4), and a port.
constexpr std::size_t longest_destination = 260;
/// Revision, attempts, due, kind.
constexpr std::size_t row_head = 25;

Key row_key(std::string_view id) {
  return std::move(Key(key_space::outbox).text(id));
}

std::uint64_t milliseconds(Timestamp time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}

Key index_key(const OutboxItem& item) {
  return std::move(Key(key_space::outbox_by_destination)
                       .text(item.destination)
                       .number(milliseconds(item.due))
                       .text(item.id));
}

std::string encode(const OutboxItem& item) {
  std::string row;
  key_space::append_number(row, item.revision);
  key_space::append_number(row, item.attempts);
  key_space::append_number(row, milliseconds(item.due));
  row.push_back(static_cast<char>(item.kind));
  return row.append(item.destination);
}

Result<OutboxItem> decode(std::string_view id, std::string_view row) {
  if (row.size() < row_head) return Error(ErrorCode::corrupt, "the outbox has a malformed row");
  OutboxItem item;
  item.kind = static_cast<OutboxKind>(row[row_head - 1]);
  item.id = id;
  item.destination = row.substr(row_head);
  item.revision = key_space::read_number(row);
  item.attempts = key_space::read_number(row, 8);
  item.due = Timestamp(
      std::chrono::milliseconds(static_cast<std::int64_t>(key_space::read_number(row, 16))));
  return item;
}

Result<void> write(WriteTransaction& transaction, const OutboxItem& item) {
  SLIPWAY_CHECK(transaction.put(row_key(item.id), encode(item)));
  return transaction.put(index_key(item), "");
}

Result<void> erase(WriteTransaction& transaction, const OutboxItem& item) {
  SLIPWAY_CHECK(transaction.erase(index_key(item)));
  SLIPWAY_CHECK(transaction.erase(row_key(item.id)));
  return {};
}

/// As it waits now, when that is still what was taken. Errors: io, corrupt.
Result<std::optional<OutboxItem>> find_unchanged(const ReadView& view, const OutboxItem& taken) {
  SLIPWAY_TRY(auto now, find(view, taken.id));
  if (now && now->revision != taken.revision) now.reset();
  return now;
}

}  // namespace

std::string destination_of(std::string_view url) {
  const auto parts = split_url(url);
  if (!parts) return {};
  std::string destination(parts->authority.substr(0, longest_destination));
  std::transform(destination.begin(), destination.end(), destination.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return destination;
}

Result<void> put(WriteTransaction& transaction, OutboxKind kind, std::string_view id,
                 std::string_view destination, Timestamp due) {
  SLIPWAY_TRY(const auto before, find(transaction, id));
  if (before) SLIPWAY_CHECK(erase(transaction, *before));
  OutboxItem item;
  item.kind = kind;
  item.id = id;
  item.destination = destination.substr(0, longest_destination);
  item.revision = before ? before->revision + 1 : 1;
  item.due = due;
  SLIPWAY_CHECK(write(transaction, item));
  transaction.notify(outbox_topic);
  return {};
}

Result<std::optional<OutboxItem>> find(const ReadView& view, std::string_view id) {
  SLIPWAY_TRY(const auto row, view.get(row_key(id)));
  if (!row) return std::optional<OutboxItem>();
  SLIPWAY_TRY(OutboxItem item, decode(id, *row));
  return std::optional(std::move(item));
}

Result<void> settle(WriteTransaction& transaction, const OutboxItem& sent) {
  SLIPWAY_TRY(const auto now, find_unchanged(transaction, sent));
  return now ? erase(transaction, *now) : Result<void>();
}

Result<void> postpone(WriteTransaction& transaction, const OutboxItem& failed, Timestamp due) {
  SLIPWAY_TRY(auto now, find_unchanged(transaction, failed));
  if (!now) return {};
  SLIPWAY_CHECK(erase(transaction, *now));
  now->attempts = failed.attempts + 1;
  now->due = due;
  return write(transaction, *now);
}

Result<void> withdraw(WriteTransaction& transaction, std::string_view id) {
  SLIPWAY_TRY(const auto now, find(transaction, id));
  return now ? erase(transaction, *now) : Result<void>();
}

Result<std::vector<std::string>> destinations(const ReadView& view) {
  constexpr std::string_view prefix = key_space::outbox_by_destination;
  std::vector<std::string> found;
  SLIPWAY_TRY(const auto cursor, view.cursor());
  SLIPWAY_TRY(bool there, cursor->seek(prefix));
  while (there && cursor->key().starts_with(prefix)) {
    found.emplace_back(key_space::text_part(cursor->key(), prefix.size()));
    // Behind all of its rows: they have a zero byte where this has a one.
    SLIPWAY_TRY(there, cursor->seek(std::string(prefix).append(found.back()).append(1, '\1')));
  }
  return found;
}

Result<std::vector<OutboxItem>> waiting(const ReadView& view, std::string_view destination,
                                        std::size_t limit) {
  const std::string prefix = Key(key_space::outbox_by_destination).text(destination).str();
  std::vector<OutboxItem> found;
  const auto take = [&](const Cursor& row) -> Result<bool> {
    if (found.size() == limit) return false;
    const std::string_view key = row.key();
    if (key.size() != prefix.size() + 8 + ulid_size + 1)
      return Error(ErrorCode::corrupt, "the outbox has a malformed key");
    SLIPWAY_TRY(auto item, find(view, key.substr(prefix.size() + 8, ulid_size)));
    if (!item)
      return Error(ErrorCode::corrupt, "the outbox has a row by destination that leads to nothing");
    found.push_back(std::move(*item));
    return true;
  };
  SLIPWAY_CHECK(each_row(view, prefix, take));
  return found;
}

}  // namespace slipway::outbox
