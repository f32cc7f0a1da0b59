// Making a tar of a folder: what `slipway build submit --context DIR` sends.
//
// The same folder gives the same bytes: entries stand in the order of their names' bytes, owners
// are 0 and have no name. Modes, modification times and the targets of symbolic links are kept; a
// file with several names comes once for each; sockets, FIFOs and devices are left out. Pax,
// restricted.
//
// .dockerignore is the caller's matter: `include` decides, and IgnoreRules (ignore_rules.hpp) reads
// such a file.
//
// Thread safety: any thread.
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

#include <slipway/core/result.hpp>

#include "archive/byte_stream.hpp"
#include "archive/tar_writer.hpp"

namespace slipway {

struct TarCreateOptions {
  Compression compression = Compression::none;
  /// Is asked of each file, by its name under the folder ("src/main.cpp"); empty: every file.
  /// A folder comes when something below it does, or when it is included itself.
  std::function<bool(std::string_view name)> include;
};

/// Errors: not_found, io (also a file that shrank while it was read), the sink's.
Result<void> create_tar(const std::filesystem::path& folder, const ByteSink& sink,
                        const TarCreateOptions& options = {});

}  // namespace slipway
