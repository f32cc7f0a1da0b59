#include <slipway/build/log_store.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "archive/gzip.hpp"
#include "build/log_archive.hpp"
#include "build/token_mask.hpp"
#include "storage/key_space.hpp"
#include "support/format.hpp"

namespace slipway {

namespace {

using key_space::Key;

Key size_key(std::string_view build) {
  return Key(key_space::log_size).text(build);
}

Key chunk_key(std::string_view build, std::uint64_t offset) {
  return Key(key_space::log_chunk).text(build).number(offset);
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

/// The log's last bytes, as many as a token may reach back.
Result<std::string> end_of_log(const ReadView& view, std::string_view build, std::uint64_t size) {
  const Key first = chunk_key(build, 0);
  const std::string_view prefix = std::string_view(first).substr(0, first.size() - 8);
  std::string end;
  SLIPWAY_TRY(const auto cursor, view.cursor());
  SLIPWAY_TRY(bool found, cursor->seek_before(chunk_key(build, size)));
  while (found && end.size() < token_reach && cursor->key().starts_with(prefix)) {
    const std::string_view value = cursor->value();
    const std::size_t more = std::min(value.size(), token_reach - end.size());
    end.insert(0, value.substr(value.size() - more));
    SLIPWAY_TRY(found, cursor->previous());
  }
  return end;
}

constexpr std::size_t chunks_a_commit = 500;

/// Erases at most so many chunks; true: there are no more. Errors: io.
Result<bool> erase_chunks(WriteTransaction& transaction, std::string_view build, std::size_t most) {
  const Key first = Key(key_space::log_chunk).text(build);
  const std::string_view prefix = first;
  SLIPWAY_TRY(const auto cursor, transaction.cursor());
  SLIPWAY_TRY(bool found, cursor->seek(prefix));
  for (std::size_t count = 0; found && cursor->key().starts_with(prefix); ++count) {
    if (count == most) return false;
    SLIPWAY_CHECK(transaction.erase(std::string(cursor->key())));
    SLIPWAY_TRY(found, cursor->next());
  }
  return true;
}

/// The builds that have rows of a kind whose first part is the build.
Result<std::vector<std::string>> builds_with(const ReadView& view, std::string_view kind,
                                             std::string_view after, std::size_t limit) {
  std::vector<std::string> builds;
  SLIPWAY_TRY(const auto cursor, view.cursor());
  std::string from = after.empty() ? std::string(kind) : Key(kind).text(after).str() + '\xFF';
  while (builds.size() < limit) {
    SLIPWAY_TRY(const bool found, cursor->seek(from));
    if (!found || !cursor->key().starts_with(kind)) break;
    const std::string_view rest = cursor->key().substr(kind.size());
    builds.emplace_back(rest.substr(0, rest.find('\0')));
    from = Key(kind).text(builds.back()).str() + '\xFF';
  }
  return builds;
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
  const std::string masked = mask_tokens(bytes);
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
    if (size >= most_bytes_)
      return Error(ErrorCode::too_large,
                   slipway::format("the log of build {} has reached {} bytes; no more of it is kept",
                                   build, most_bytes_));
    const auto room = static_cast<std::size_t>(
        std::min<std::uint64_t>(most_bytes_ - size, bytes.size()));
    SLIPWAY_TRY(const std::string before, end_of_log(transaction, build, size));
    std::string fresh = masked.substr(static_cast<std::size_t>(known));
    const MaskedHead head = masked_head(before, fresh);
    fresh.replace(head.begin, head.end - head.begin, head.end - head.begin, '*');
    SLIPWAY_TRY(size, add_to_end(transaction, build, size,
                                 std::string_view(fresh).substr(0, room)));
    if (fresh.size() <= room) return {};
    SLIPWAY_TRY(size, append_line(transaction, build,
                                  slipway::format("slipway: the log is cut here: it has reached {} "
                                                  "bytes",
                                                  most_bytes_)));
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
  SLIPWAY_TRY(const auto archived, find_archived(*view, build));
  if (archived && offset < archived->size) {
    if (blobs_ != nullptr) return read_archived(*blobs_, *archived, offset, limit, out);
    return Error(ErrorCode::unsupported, "this log is compressed, and no blobs are at hand");
  }
  SLIPWAY_TRY(const auto cursor, view->cursor());

  const Key first = chunk_key(build, 0);
  const std::string_view prefix = std::string_view(first).substr(0, first.size() - 8);
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

Result<ArchivedLog> LogStore::compress(std::string_view build, std::uint64_t size) {
  std::string packed;
  std::vector<std::uint64_t> begins;
  std::uint64_t offset = 0;
  while (offset < size) {
    std::string piece;
    while (piece.size() < ArchivedLog::piece_size && offset < size) {
      SLIPWAY_TRY(const std::size_t taken,
                  read(build, offset, ArchivedLog::piece_size - piece.size(), piece));
      offset += taken;
    }
    begins.push_back(packed.size());
    SLIPWAY_TRY(const std::string member, gzip(piece));
    packed.append(member);
  }
  begins.push_back(packed.size());
  SLIPWAY_TRY(const BlobInfo blob, blobs_->put(packed));
  return ArchivedLog{blob.digest, size, std::move(begins)};
}

Result<bool> LogStore::archive(std::string_view build) {
  if (blobs_ == nullptr) return Error(ErrorCode::unsupported, "this log store has no blobs");
  std::uint64_t size = 0;
  bool archived = false;
  {
    SLIPWAY_TRY(const auto view, metadata_.snapshot());
    SLIPWAY_TRY(size, size_in(*view, build));
    SLIPWAY_TRY(const auto log, find_archived(*view, build));
    archived = log.has_value();
  }
  if (size == 0) return false;
  if (!archived) {
    SLIPWAY_TRY(const ArchivedLog log, compress(build, size));
    const auto put = [&](WriteTransaction& transaction) -> Result<void> {
      SLIPWAY_TRY(const std::uint64_t now, size_in(transaction, build));
      if (now != size)
        return Error(ErrorCode::conflict, slipway::format("the log of build {} grew", build));
      return put_archived(transaction, build, log);
    };
    SLIPWAY_CHECK(metadata_.write(put));
  }
  for (bool clean = false; !clean;) {
    SLIPWAY_TRY(clean, remove_chunks(build));
  }
  return !archived;
}

Result<bool> LogStore::remove_chunks(std::string_view build) {
  bool clean = false;
  SLIPWAY_CHECK(metadata_.write([&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_TRY(clean, erase_chunks(transaction, build, chunks_a_commit));
    return {};
  }));
  return clean;
}

Result<std::vector<std::string>> LogStore::in_chunks(std::string_view after,
                                                     std::size_t limit) const {
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  return builds_with(*view, key_space::log_chunk, after, limit);
}

Result<std::vector<std::string>> LogStore::all(std::string_view after, std::size_t limit) const {
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  return builds_with(*view, key_space::log_size, after, limit);
}

Result<std::optional<Blob>> LogStore::open_compressed(std::string_view build) const {
  if (blobs_ == nullptr) return std::optional<Blob>();
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  SLIPWAY_TRY(const auto log, find_archived(*view, build));
  SLIPWAY_TRY(const std::uint64_t size, size_in(*view, build));
  if (!log || log->size != size) return std::optional<Blob>();
  SLIPWAY_TRY(Blob blob, blobs_->open(*view, log->blob));
  return std::optional(std::move(blob));
}

Result<void> LogStore::remove(WriteTransaction& transaction, std::string_view build) {
  SLIPWAY_CHECK(erase_archived(transaction, build));
  SLIPWAY_CHECK(erase_chunks(transaction, build, SIZE_MAX));
  SLIPWAY_CHECK(transaction.erase(size_key(build)));
  transaction.notify(std::string("build/").append(build));
  return {};
}

}  // namespace slipway
