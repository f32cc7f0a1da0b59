// Unpacking a tar that nobody vouches for.
//
// Plain, gzip or zstd, told by their first bytes. Nothing is written outside the folder: absolute
// names and names with `..` are refused, and so is any entry whose way leads through a symbolic
// link. Device files, FIFOs and sockets are refused. Owners are not restored, nor are set-user-id,
// set-group-id and sticky bits; permission bits and modification times are.
//
// Thread safety: any thread; nobody else may write in the folder meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include <slipway/core/result.hpp>

#include "archive/byte_stream.hpp"

namespace slipway {

struct ExtractLimits {
  std::uint64_t entries = 1'000'000;
  std::uint64_t bytes = std::uint64_t{16} << 30U;  // of all files, as they would be read
  std::size_t name = 4096;                         // of one entry
};

struct ExtractSummary {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
};

/// Unpacks into an existing folder. After an error the folder holds what came before it.
/// Errors: invalid_argument (not a tar, damaged, or a refused entry: the message names it),
/// too_large (a limit), io, the source's.
Result<ExtractSummary> extract_tar(const ByteSource& source, const std::filesystem::path& folder,
                                   const ExtractLimits& limits = {});

/// The same from a file. Errors: not_found, also.
Result<ExtractSummary> extract_tar_file(const std::filesystem::path& file,
                                        const std::filesystem::path& folder,
                                        const ExtractLimits& limits = {});

}  // namespace slipway
