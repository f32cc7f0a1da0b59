// Descriptors in JSON: OCI image specification 1.1, "descriptor.md".
#pragma once

#include <string>

#include <slipway/core/descriptor.hpp>
#include <slipway/core/result.hpp>

#include "json/value.hpp"
#include "json/writer.hpp"

namespace slipway {

/// `path` is how the descriptor is called in messages: "layers[2]". Errors: invalid_argument.
Result<Descriptor> read_descriptor(json::Value value, const std::string& path);

void write_descriptor(json::Writer& json, const Descriptor& descriptor);

/// `"annotations": {…}`; nothing when there are none.
void write_annotations(json::Writer& json, const Annotations& annotations);

}  // namespace slipway
