// A tar that nobody vouches for, opened by libarchive over a source of bytes: plain, gzip or zstd,
// told by their first bytes.
//
// Thread safety: none.
#pragma once

#include <cstdint>
#include <memory>

#include <slipway/core/result.hpp>

#include "archive/byte_stream.hpp"

struct archive;
struct archive_entry;

namespace slipway::archive {

class ArchiveInput {
 public:
  /// `skip`, where there is one, passes over bytes faster than reading them.
  explicit ArchiveInput(ByteSource source, ByteSkip skip = {});
  ~ArchiveInput();
  ArchiveInput(const ArchiveInput&) = delete;
  ArchiveInput& operator=(const ArchiveInput&) = delete;

  /// Errors of all: invalid_argument (no tar, damaged), io (no memory), the source's.
  Result<void> open();
  /// nullptr at the end. The entry is good until the next call.
  Result<archive_entry*> next_header();

  /// libarchive's own, for reading an entry's data; what failed there is told by `damaged`.
  [[nodiscard]] struct archive* get() const noexcept;
  [[nodiscard]] Error damaged() const;

  /// Bytes of the source so far, as they came: compressed ones count as such.
  [[nodiscard]] std::uint64_t consumed() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::archive
