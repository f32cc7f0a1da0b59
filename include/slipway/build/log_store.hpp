// LogStore: the logs of builds: bytes with offsets, durable before they are acknowledged.
//
// A build has one log over all its attempts. Chunks are values in the metadata store; writing one
// notifies `build/<id>`.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <slipway/auth/identity.hpp>
#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

inline constexpr std::size_t max_log_chunk = std::size_t{256} * 1024;

class LogStore {
 public:
  /// The store must outlive it.
  explicit LogStore(MetadataStore& metadata) : metadata_(metadata) {}

  /// Adds bytes that belong at `offset` and answers the new size. What is there already is not
  /// taken twice, so a chunk may be sent again. Errors: range_mismatch (a hole; the message has the
  /// size there is), too_large (max_log_chunk), the guard's, io.
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

  /// Removes all of it. Errors: io.
  Result<void> remove(WriteTransaction& transaction, std::string_view build);

 private:
  MetadataStore& metadata_;
};

}  // namespace slipway
