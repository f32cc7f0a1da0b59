#include <slipway/build/log_store.hpp>

#include <algorithm>

#include "storage/key_space.hpp"
#include "support/format.hpp"

namespace slipway {

namespace {

using key_space::Key;

Key size_key(std::string_view build) {
  return std::move(Key(key_space::log_size).text(build));
}

Key chunk_key(std::string_view build, std::uint64_t offset) {
  return std::move(Key(key_space::log_chunk).text(build).number(offset));
}

Result<std::uint64_t> size_in(const ReadView& view, std::string_view build) {
  SLIPWAY_TRY(const std::optional<std::string_view> row, view.get(size_key(build)));
  if (!row) return std::uint64_t{0};
  if (row->size() != 8)
    return Error(ErrorCode::corrupt,
                 slipway::format("log of build {}: its size is malformed", build));
  return key_space::read_number(*row);
}

/// Also true of an empty log.
Result<bool> ends_with_line_end(const ReadView& view, std::string_view build, std::uint64_t size) {
  if (size == 0) return true;
  SLIPWAY_TRY(const auto cursor, view.cursor());
  SLIPWAY_TRY(const bool found, cursor->seek_before(chunk_key(build, size)));
  return found && cursor->value().ends_with('\n');
}

Result<std::uint64_t> add_to_end(WriteTransaction& transaction, std::string_view build,
                                 std::uint64_t size, std::string_view bytes) {
  SLIPWAY_CHECK(transaction.put(chunk_key(build, size), bytes));
  size += bytes.size();
  std::string value;
  key_space::append_number(value, size);
  SLIPWAY_CHECK(transaction.put(size_key(build), value));
  transaction.notify(std::string("build/").append(build));
  return size;
}

}  // namespace

Result<std::uint64_t> LogStore::append(std::string_view build, std::uint64_t offset,
                                       std::string_view bytes, const WriteGuard& guard) {
  if (bytes.size() > max_log_chunk)
    return Error(ErrorCode::too_large,
                 slipway::format("a chunk of {} bytes of the log of build {}: send at most {}",
                                 bytes.size(), build, max_log_chunk));
  std::uint64_t size = 0;
  const auto add = [&](WriteTransaction& transaction) -> Result<void> {
    if (guard) SLIPWAY_CHECK(guard(transaction));
    SLIPWAY_TRY(size, size_in(transaction, build));
    if (offset > size)
      return Error(
          ErrorCode::range_mismatch,
          slipway::format("log of build {}: a chunk for offset {}, but it has {} bytes; go "
                          "on from there",
                          build, offset, size));
    const std::uint64_t known = size - offset;
    if (known >= bytes.size()) return {};
    SLIPWAY_TRY(
        size, add_to_end(transaction, build, size, bytes.substr(static_cast<std::size_t>(known))));
    return {};
  };
  SLIPWAY_CHECK(metadata_.write(add));
  return size;
}

Result<std::uint64_t> LogStore::append_line(WriteTransaction& transaction, std::string_view build,
                                            std::string_view line) {
  SLIPWAY_TRY(const std::uint64_t size, size_in(transaction, build));
  SLIPWAY_TRY(const bool ended, ends_with_line_end(transaction, build, size));
  return add_to_end(transaction, build, size, slipway::format("{}{}\n", ended ? "" : "\n", line));
}

Result<std::uint64_t> LogStore::size(std::string_view build) const {
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  return size_in(*view, build);
}

Result<std::size_t> LogStore::read(std::string_view build, std::uint64_t offset, std::size_t limit,
                                   std::string& out) const {
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  SLIPWAY_TRY(const std::uint64_t size, size_in(*view, build));
  if (offset >= size || limit == 0) return std::size_t{0};
  SLIPWAY_TRY(const auto cursor, view->cursor());

  const Key first = chunk_key(build, 0);
  const std::string_view prefix = std::string_view(first).substr(0, first.str().size() - 8);
  SLIPWAY_TRY(bool found, cursor->seek_before(chunk_key(build, offset + 1)));
  std::size_t taken = 0;
  while (found && taken < limit && cursor->key().starts_with(prefix)) {
    const std::uint64_t start = key_space::read_number(cursor->key(), prefix.size());
    const std::uint64_t within = offset + taken - start;
    if (start > offset + taken || within >= cursor->value().size()) break;
    const std::string_view piece =
        cursor->value().substr(static_cast<std::size_t>(within), limit - taken);
    out.append(piece);
    taken += piece.size();
    SLIPWAY_TRY(found, cursor->next());
  }
  if (taken == 0)
    return Error(ErrorCode::corrupt,
                 slipway::format("log of build {}: no chunk has its offset {}", build, offset));
  return taken;
}

Result<void> LogStore::remove(WriteTransaction& transaction, std::string_view build) {
  const Key first = chunk_key(build, 0);
  const std::string_view prefix = std::string_view(first).substr(0, first.str().size() - 8);
  while (true) {
    std::string key;
    {
      SLIPWAY_TRY(const auto cursor, transaction.cursor());
      SLIPWAY_TRY(const bool found, cursor->seek(first));
      if (!found || !cursor->key().starts_with(prefix)) break;
      key = cursor->key();
    }
    SLIPWAY_CHECK(transaction.erase(key));
  }
  SLIPWAY_CHECK(transaction.erase(size_key(build)));
  transaction.notify(std::string("build/").append(build));
  return {};
}

}  // namespace slipway
