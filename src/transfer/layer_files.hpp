// The files of a layer: its tar, plain or compressed, read to its end without unpacking it.
//
// Thread safety: any thread.
#pragma once

#include <functional>
#include <string>

#include <slipway/core/result.hpp>

#include "archive/byte_stream.hpp"
#include "archive/tar_entry.hpp"
#include "archive/tar_reader.hpp"

namespace slipway {

/// Of an entry, in the layer's order; an error ends the whole with it. Names are as they stand in the
/// layer: also what no unpacker would take, and whiteouts (".wh.name": OCI image specification 1.1,
/// "layer.md").
using LayerFileSink = std::function<Result<void>(const TarEntry&)>;

/// Errors: invalid_argument (no tar, damaged), too_large (a limit), the source's, the sink's.
Result<void> list_layer_files(const ByteSource& layer, const LayerFileSink& sink,
                              const TarLimits& limits = {});

/// "-rw-r--r--", as ls shows it.
std::string mode_text(const TarEntry& entry);

}  // namespace slipway
