// Descriptors and platforms in JSON: OCI image specification 1.1, "descriptor.md", "image-index.md".
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/descriptor.hpp>
#include <slipway/core/result.hpp>

#include "json/object_reader.hpp"
#include "json/writer.hpp"

namespace slipway {

/// `path` is how the descriptor is called in messages: "layers[2]". Errors: invalid_argument.
Result<Descriptor> read_descriptor(json::Value value, const std::string& path);

void write_descriptor(json::Writer& json, const Descriptor& descriptor);

/// An index's platform is an object; an image config has its members beside others.
void read_platform_members(json::ObjectReader& object, Platform& platform);
void write_platform_members(json::Writer& json, const Platform& platform);

/// A member that is left out when it is empty.
void write_texts(json::Writer& json, std::string_view key, const std::vector<std::string>& texts);
void write_text_map(json::Writer& json, std::string_view key,
                    const std::map<std::string, std::string>& texts);

}  // namespace slipway
