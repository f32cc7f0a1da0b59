#include "build/log_archive.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <variant>

#include "archive/gzip.hpp"
#include "storage/key_space.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

using key_space::Key;

Key archived_key(std::string_view build) {
  return std::move(Key(key_space::log_archived).text(build));
}

Key holder_key(const Digest& blob, std::string_view build) {
  return std::move(Key(key_space::log_blob).digest(blob).text(build));
}

Error malformed(std::string_view build) {
  return Error(ErrorCode::corrupt,
               slipway::format("log of build {}: its row says nonsense", build));
}

/// Bytes of a blob, wherever it lies. Errors: io.
Result<std::string> read_bytes(const Blob& blob, std::uint64_t begin, std::uint64_t end) {
  if (const auto* bytes = std::get_if<std::string>(&blob.content))
    return bytes->substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
  std::string out(static_cast<std::size_t>(end - begin), '\0');
  SLIPWAY_TRY(const std::size_t got,
              std::get<std::shared_ptr<const Object>>(blob.content)
                  ->read_at(begin, std::as_writable_bytes(std::span(out.data(), out.size()))));
  out.resize(got);
  return out;
}

}  // namespace

Result<std::optional<ArchivedLog>> find_archived(const ReadView& view, std::string_view build) {
  SLIPWAY_TRY(const auto row, view.get(archived_key(build)));
  if (!row) return std::optional<ArchivedLog>();
  if (row->size() < 16) return malformed(build);
  const std::uint64_t size = key_space::read_number(*row);
  const std::uint64_t pieces = key_space::read_number(*row, 8);
  if (pieces == 0 || pieces > row->size() / 8 || row->size() < 16 + 8 * (pieces + 1))
    return malformed(build);
  const auto numbers = static_cast<std::size_t>(8 * (pieces + 1));
  const auto digest = Digest::from_binary(row->substr(16 + numbers));
  if (!digest) return malformed(build);
  ArchivedLog log{*digest, size, {}};
  for (std::size_t at = 16; at < 16 + numbers; at += 8)
    log.begins.push_back(key_space::read_number(*row, at));
  if (!std::is_sorted(log.begins.begin(), log.begins.end()) ||
      (size + ArchivedLog::piece_size - 1) / ArchivedLog::piece_size != pieces)
    return malformed(build);
  return std::optional(std::move(log));
}

Result<void> put_archived(WriteTransaction& transaction, std::string_view build,
                          const ArchivedLog& log) {
  std::string row;
  key_space::append_number(row, log.size);
  key_space::append_number(row, log.begins.size() - 1);
  for (const std::uint64_t begin : log.begins) key_space::append_number(row, begin);
  log.blob.append_binary_to(row);
  SLIPWAY_CHECK(transaction.put(archived_key(build), row));
  return transaction.put(holder_key(log.blob, build), "");
}

Result<void> erase_archived(WriteTransaction& transaction, std::string_view build) {
  SLIPWAY_TRY(const auto log, find_archived(transaction, build));
  if (!log) return {};
  SLIPWAY_CHECK(transaction.erase(holder_key(log->blob, build)));
  SLIPWAY_CHECK(transaction.erase(archived_key(build)));
  return {};
}

Result<std::size_t> read_archived(const BlobStore& blobs, const ArchivedLog& log,
                                  std::uint64_t offset, std::size_t limit, std::string& out) {
  if (offset >= log.size || limit == 0) return std::size_t{0};
  const auto piece = static_cast<std::size_t>(offset / ArchivedLog::piece_size);
  SLIPWAY_TRY(const Blob blob, blobs.open(log.blob));
  if (blob.info.size < log.begins[piece + 1])
    return Error(ErrorCode::corrupt, slipway::format("the log in blob {} is cut",
                                                     log.blob.to_string()));
  SLIPWAY_TRY(const std::string member, read_bytes(blob, log.begins[piece], log.begins[piece + 1]));
  const auto text = gunzip(member, ArchivedLog::piece_size);
  const std::size_t within = static_cast<std::size_t>(offset % ArchivedLog::piece_size);
  if (!text || text->size() <= within)
    return Error(ErrorCode::corrupt,
                 slipway::format("the log in blob {} is damaged at {}", log.blob.to_string(),
                                 log.begins[piece]));
  const std::string_view found = std::string_view(*text).substr(within, limit);
  out.append(found);
  return found.size();
}

}  // namespace slipway
