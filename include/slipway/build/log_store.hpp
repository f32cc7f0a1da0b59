// LogStore: the logs of builds: bytes with offsets, durable before they are acknowledged.
//
// A build has one log over all its attempts. Chunks are values in the metadata store; writing one
// notifies `build/<id>`. The log of a build that has ended is compressed into one blob, from which
// reading goes on as before. Bytes stay as they came, terminal colours among them.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <optional>
#include <string_view>
#include <vector>

#include <slipway/auth/identity.hpp>
#include <slipway/core/result.hpp>
#include <slipway/storage/blob_store.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

struct ArchivedLog;

inline constexpr std::size_t max_log_chunk = std::size_t{256} * 1024;
/// Of one build: more than its attempts have when workers keep to their own limits.
inline constexpr std::uint64_t max_log_size = std::uint64_t{320} << 20U;

class LogStore {
 public:
  /// All must outlive it. Without blobs, logs cannot be compressed, nor those that were be read.
  explicit LogStore(MetadataStore& metadata, BlobStore* blobs = nullptr,
                    std::uint64_t most_bytes = max_log_size)
      : metadata_(metadata), blobs_(blobs), most_bytes_(most_bytes) {}

  /// Adds bytes that belong at `offset` and answers the new size. What is there already is not
  /// taken twice, so a chunk may be sent again. Slipway's own tokens are masked, character for
  /// character, should a worker not have done so. A log that has reached its limit ends with a line
  /// that says so. Errors: range_mismatch (a hole; the message has the size there is), too_large
  /// (max_log_chunk; the log's limit), the guard's, io.
  Result<std::uint64_t> append(std::string_view build, std::uint64_t offset,
                               std::string_view bytes, const WriteGuard& guard);

  /// Within a transaction of the caller's: adds a line of the server's own to the end, on a line by
  /// itself also when the worker's last line was not ended. Answers the new size. Errors: io.
  Result<std::uint64_t> append_line(WriteTransaction& transaction, std::string_view build,
                                    std::string_view line);

  /// Point read. 0 for a build without a log. Errors: io.
  Result<std::uint64_t> size(std::string_view build) const;

  /// Point read: appends to `out` some bytes from `offset` on, at most `limit`; none at the end.
  /// Answers how many. Errors: io, corrupt.
  Result<std::size_t> read(std::string_view build, std::uint64_t offset, std::size_t limit,
                           std::string& out) const;

  /// Compresses the log of a build that has ended and removes its chunks. False: there was nothing
  /// to do. Repeating it, also after a crash, goes on. Errors: io, quota_exceeded, corrupt,
  /// unsupported (without blobs).
  Result<bool> archive(std::string_view build);

  /// Builds behind `after` whose logs have chunks, in the order of their ids. Errors: io.
  Result<std::vector<std::string>> in_chunks(std::string_view after, std::size_t limit) const;
  /// Builds behind `after` that have logs, in the order of their ids. Errors: io.
  Result<std::vector<std::string>> all(std::string_view after, std::size_t limit) const;

  /// The whole log as one gzip file, when it is compressed. Errors: io, corrupt.
  Result<std::optional<Blob>> open_compressed(std::string_view build) const;

  /// Removes all of it. Errors: io.
  Result<void> remove(WriteTransaction& transaction, std::string_view build);

 private:
  Result<ArchivedLog> compress(std::string_view build, std::uint64_t size);
  /// Some hundred of them; true when none is left. Errors: io.
  Result<bool> remove_chunks(std::string_view build);

  MetadataStore& metadata_;
  BlobStore* blobs_;
  const std::uint64_t most_bytes_;  // that workers may write to one log
};

}  // namespace slipway
