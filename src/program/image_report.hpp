// Images as people read them on a terminal.
//
// Thread safety: pure functions, but image_size, which asks the registry.
#pragma once

#include <slipway/core/descriptor.hpp>
#include <slipway/core/result.hpp>
#include <slipway/image/image_config.hpp>
#include <slipway/image/manifest.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "archive/tar_entry.hpp"
#include "transfer/registry_client.hpp"

namespace slipway {

/// All that is known of an image or an index.
struct ImageView {
  std::string name;
  RegistryClient::Content content;
  Manifest manifest;
  std::optional<ImageConfig> config;  // of an image; an artifact has none that could be read
  std::string config_json;            // as it stands
  std::vector<Descriptor> referrers;
};

std::string image_text(const ImageView& view);
std::string image_json(const ImageView& view);

/// Bytes that a pull takes, the manifest aside: config and layers, each once; for an index of all its
/// images that are there. Errors: those of RegistryClient, but for not_found below an index.
Result<std::uint64_t> image_size(const RegistryClient& registry,
                                 const RegistryClient::Content& content);

/// "linux/arm64/v8"; empty without one.
std::string platform_text(const std::optional<Platform>& platform);

/// A line of a layer's list, as ls shows it, and the same as JSON.
std::string file_text(const TarEntry& entry);
std::string file_json(const TarEntry& entry);

}  // namespace slipway
