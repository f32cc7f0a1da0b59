#include "build/change_feed.hpp"

#include <utility>

#include "storage/key_space.hpp"
#include "storage/row_walk.hpp"

namespace slipway {
namespace {

using key_space::Key;

Key entry_key(std::uint64_t number) {
  return std::move(Key(key_space::feed_entry).number(number));
}

Key number_key(std::string_view build) {
  return std::move(Key(key_space::feed_number).text(build));
}

Result<std::uint64_t> read_number_at(const ReadView& view, std::string_view key) {
  SLIPWAY_TRY(const auto row, view.get(key));
  if (!row) return std::uint64_t{0};
  if (row->size() != 8) return Error(ErrorCode::corrupt, "the feed of builds: a malformed number");
  return key_space::read_number(*row);
}

Result<void> put_number(WriteTransaction& transaction, std::string_view key, std::uint64_t number) {
  std::string value;
  key_space::append_number(value, number);
  return transaction.put(key, value);
}

}  // namespace

Result<void> note_in_feed(WriteTransaction& transaction, std::string_view build) {
  SLIPWAY_TRY(const std::uint64_t before, feed_number(transaction, build));
  SLIPWAY_TRY(const std::uint64_t end, feed_end(transaction));
  if (before != 0) SLIPWAY_CHECK(transaction.erase(entry_key(before)));
  SLIPWAY_CHECK(put_number(transaction, Key(key_space::feed_end), end + 1));
  SLIPWAY_CHECK(put_number(transaction, number_key(build), end + 1));
  SLIPWAY_CHECK(transaction.put(entry_key(end + 1), build));
  transaction.notify(builds_topic);
  return {};
}

Result<std::uint64_t> feed_end(const ReadView& view) {
  return read_number_at(view, Key(key_space::feed_end));
}

Result<std::uint64_t> feed_number(const ReadView& view, std::string_view build) {
  return read_number_at(view, number_key(build));
}

Result<std::vector<FeedEntry>> feed_behind(const ReadView& view, std::uint64_t number,
                                           std::size_t limit) {
  std::vector<FeedEntry> entries;
  if (number == UINT64_MAX) return entries;
  const std::string_view prefix = key_space::feed_entry;
  const auto take = [&](const Cursor& row) -> Result<bool> {
    if (entries.size() == limit) return false;
    if (row.key().size() != prefix.size() + 8)
      return Error(ErrorCode::corrupt, "the feed of builds: a malformed key");
    entries.push_back({key_space::read_number(row.key(), prefix.size()), std::string(row.value())});
    return true;
  };
  SLIPWAY_CHECK(each_row(view, prefix, entry_key(number + 1), take));
  return entries;
}

Result<void> erase_from_feed(WriteTransaction& transaction, std::string_view build) {
  SLIPWAY_TRY(const std::uint64_t number, feed_number(transaction, build));
  if (number == 0) return {};
  SLIPWAY_CHECK(transaction.erase(entry_key(number)));
  SLIPWAY_CHECK(transaction.erase(number_key(build)));
  return {};
}

}  // namespace slipway
