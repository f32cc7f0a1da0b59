// Where an exported image goes: the files of an OCI layout into a folder or a tar.
//
// Nothing half-written is left: a folder and a file get their name when all of it is there.
//
// Thread safety: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include <slipway/core/result.hpp>

#include "archive/byte_stream.hpp"
#include "archive/tar_writer.hpp"

namespace slipway {

class LayoutWriter {
 public:
  /// Destroying it before `finish` leaves nothing.
  virtual ~LayoutWriter() = default;

  /// The next file, with exactly `size` bytes by `write`. Names ascend, each once.
  /// Errors of all: io, the sink's.
  virtual Result<void> begin_file(const std::string& name, std::uint64_t size) = 0;
  virtual Result<void> write(std::span<const std::byte> bytes) = 0;
  virtual Result<void> finish() = 0;
};

/// Into a folder that is not there, or empty. Errors: already_exists, io.
Result<std::unique_ptr<LayoutWriter>> write_layout_folder(const std::filesystem::path& folder);

/// Into a file, which is replaced. The same image gives the same bytes. Errors: io.
Result<std::unique_ptr<LayoutWriter>> write_layout_file(const std::filesystem::path& file,
                                                        Compression compression);

/// Into a sink: a tar whose bytes go out as they come.
Result<std::unique_ptr<LayoutWriter>> write_layout_tar(ByteSink sink, Compression compression);

}  // namespace slipway
