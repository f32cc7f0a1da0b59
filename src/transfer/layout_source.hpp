// Where an image's files come from: a folder, a tar (plain, gzip or zstd), or a tar on standard
// input; an OCI layout or Docker's archive, which looks the same from here.
//
// All are read as a sequence of entries, whatever their order, so that nothing but the entry at hand
// is in memory and nothing is unpacked to disk. What can be read again (a folder, a file) is read
// twice: once for the documents, passing over what is large, and once for what they ask for.
//
// Thread safety: none.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <slipway/core/result.hpp>

#include "archive/tar_entry.hpp"
#include "archive/tar_reader.hpp"

namespace slipway {

/// Entries of an image are few and have short names; memory for their names is bounded by this.
inline constexpr TarLimits layout_limits{.entries = 65'536, .name = 512};

/// One pass over the entries.
class LayoutEntries {
 public:
  virtual ~LayoutEntries() = default;

  /// nullopt at the end. Names are as parse_entry_name gives them, a link's target is the name that
  /// it leads to. Folders are left out. Errors: invalid_argument (damaged; a name or link that
  /// leaves; a device, FIFO or socket), too_large, io.
  virtual Result<std::optional<TarEntry>> next() = 0;

  /// Bytes of the current file; 0 at its end. Errors: as next.
  virtual Result<std::size_t> read(std::span<std::byte> out) = 0;
};

class LayoutSource {
 public:
  virtual ~LayoutSource() = default;

  /// A pass from the first entry on; one at a time, and only one when it is not repeatable.
  virtual Result<std::unique_ptr<LayoutEntries>> open() = 0;
  [[nodiscard]] virtual bool repeatable() const noexcept = 0;
};

/// "-" is standard input. Errors: not_found, invalid_argument (neither folder nor file), io.
Result<std::unique_ptr<LayoutSource>> open_layout_source(const std::filesystem::path& path);

/// A tar from bytes that can be had once. Errors: as LayoutEntries::next.
Result<std::unique_ptr<LayoutEntries>> read_layout_tar(ByteSource source, ByteSkip skip = {});

}  // namespace slipway
