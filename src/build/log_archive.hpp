// A finished log, compressed: one blob for the whole of it, in place of its chunks.
//
// The blob is gzip, a member for each so many bytes of the log, so that reading from the middle
// unpacks one member, and the blob as it stands is a gzip file of the log. Where the members begin
// stands in the row. A second row, by the blob's digest, keeps the collector away from it.
//
// Thread safety: pure functions over a view.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/digest.hpp>
#include <slipway/core/result.hpp>
#include <slipway/storage/blob_store.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

struct ArchivedLog {
  /// Bytes of the log in each member but the last.
  static constexpr std::size_t piece_size = std::size_t{64} * 1024;

  Digest blob;
  std::uint64_t size = 0;             // bytes of the log
  std::vector<std::uint64_t> begins;  // of the members, in the blob; one more: the blob's size
};

/// nullopt: the log is in chunks. Errors: io, corrupt.
Result<std::optional<ArchivedLog>> find_archived(const ReadView& view, std::string_view build);

/// Errors: io, quota_exceeded.
Result<void> put_archived(WriteTransaction& transaction, std::string_view build,
                          const ArchivedLog& log);

/// Nothing when there is none. Errors: io, corrupt.
Result<void> erase_archived(WriteTransaction& transaction, std::string_view build);

/// Appends bytes of the log from `offset` on to `out`, at most `limit` and at most to the end of a
/// member. Answers how many. Errors: io, corrupt.
Result<std::size_t> read_archived(const BlobStore& blobs, const ArchivedLog& log,
                                  std::uint64_t offset, std::size_t limit, std::string& out);

}  // namespace slipway
