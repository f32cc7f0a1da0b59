// The context of a build on its way to the server: a folder as a tar, or a tar that is there.
//
// A folder is packed while it is sent, on a thread of its own: it takes no room on disk and no
// memory to speak of.
//
// Thread safety: read from one thread at a time.
#pragma once

#include <slipway/core/result.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace slipway {

class ContextReader {
 public:
  virtual ~ContextReader() = default;

  /// Fills the span and answers how many bytes; 0 is the end. Errors: io.
  virtual Result<std::size_t> read(std::span<std::byte> out) = 0;

  [[nodiscard]] virtual const std::string& media_type() const noexcept = 0;
  /// Bytes, when it is known before all is read.
  [[nodiscard]] virtual std::optional<std::uint64_t> size() const noexcept = 0;
};

/// A folder goes without what its .dockerignore names; a file is a tar, plain or compressed with
/// gzip or zstd, as its first bytes say. `dockerfile` always goes along.
/// Errors: invalid_argument (neither), io.
Result<std::unique_ptr<ContextReader>> open_context(const std::filesystem::path& path,
                                                    const std::string& dockerfile);

}  // namespace slipway
