// Writing a tar entry by entry into a sink, as pax (restricted), perhaps compressed.
//
// The same entries give the same bytes: owners are 0 and have no name, and the compressed stream
// carries no time.
//
// Thread safety: none.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include <slipway/core/result.hpp>

#include "archive/byte_stream.hpp"
#include "archive/tar_entry.hpp"

namespace slipway {

enum class Compression { none, gzip, zstd };

class TarWriter {
 public:
  /// Errors of all: io, the sink's.
  static Result<TarWriter> open(ByteSink sink, Compression compression = Compression::none);
  ~TarWriter();
  TarWriter(TarWriter&&) noexcept;
  TarWriter& operator=(TarWriter&&) noexcept;

  /// The next entry; a file's data follows by `write`, as much as its size says: less is filled
  /// with zeros.
  Result<void> add(const TarEntry& entry);
  /// Errors also: invalid_argument (more than the entry's size).
  Result<void> write(std::span<const std::byte> bytes);

  /// The end of the archive. Nothing may follow.
  Result<void> finish();

 private:
  struct State;
  explicit TarWriter(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace slipway
