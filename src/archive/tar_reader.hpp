// Reading a tar that nobody vouches for, entry by entry, without unpacking it.
//
// Plain, gzip or zstd, told by their first bytes. Names and types are handed on as they stand:
// whether `..` or a device is acceptable is the caller's matter (parse_entry_name helps).
//
// What is small and unpacks to much is cut off by a ratio: of the bytes that reading gave to those
// that the source gave, once there are many. Holes of sparse files count like zeros.
//
// Thread safety: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <slipway/core/result.hpp>

#include "archive/byte_stream.hpp"
#include "archive/tar_entry.hpp"

namespace slipway {

struct TarLimits {
  std::uint64_t entries = 1'000'000;
  std::size_t name = 4096;  // bytes, of a link's target too
  std::uint64_t bytes = std::uint64_t{1} << 44U;  // of all files, as they would be read
  std::uint64_t ratio = 200;                      // counts once `ratio_from` bytes came out
  std::uint64_t ratio_from = std::uint64_t{1} << 30U;
};

class TarReader {
 public:
  /// Errors: invalid_argument (no tar), the source's.
  static Result<TarReader> open(ByteSource source, const TarLimits& limits = {},
                                ByteSkip skip = {});
  ~TarReader();
  TarReader(TarReader&&) noexcept;
  TarReader& operator=(TarReader&&) noexcept;

  /// nullopt at the end. What was not read of the entry before is passed over.
  /// Errors: invalid_argument (damaged, cut short), too_large (a limit), the source's.
  Result<std::optional<TarEntry>> next();

  /// Bytes of the current file; 0 at its end. Errors: as next.
  Result<std::size_t> read(std::span<std::byte> out);

 private:
  struct State;
  explicit TarReader(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

/// The name without "./" and empty parts: "blobs/sha256/…"; empty for the root itself.
/// Errors: invalid_argument (absolute, "..", a NUL byte).
Result<std::string> parse_entry_name(std::string_view name);

/// Where a symbolic link leads that stands under `name` (as parse_entry_name gives it): a name
/// under the same root. Errors: invalid_argument (it is absolute or leaves the root).
Result<std::string> resolve_entry_link(std::string_view name, std::string_view target);

/// The same as text of a message: quoted, and cut where it is long.
std::string quoted_entry(std::string_view name);

}  // namespace slipway
