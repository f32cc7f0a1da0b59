#include "load/content.hpp"

#include <algorithm>
#include <cstring>

#include <slipway/core/media_type.hpp>
#include <slipway/image/manifest.hpp>
#include <slipway/support/hasher.hpp>

namespace slipway::load {
namespace {

constexpr std::size_t most_own_bytes = 32;
constexpr std::size_t config_size = 1024;

void fill(std::string& bytes, std::mt19937_64& random) {
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    const std::uint64_t word = random();
    std::memcpy(bytes.data() + at, &word, std::min<std::size_t>(8, bytes.size() - at));
  }
}

Descriptor describe(std::string_view media_type, const Blob& blob) {
  return {std::string(media_type), Digest::parse(blob.digest).value(), blob.size(), "", {}, {}, {}};
}

}  // namespace

BlobMaker::BlobMaker(std::size_t size)
    : own_size_(std::min(size, most_own_bytes)), random_(std::random_device()()) {
  rest_.resize(size - own_size_);
  fill(rest_, random_);
}

Blob BlobMaker::make() {
  Blob blob{std::string(own_size_, '\0'), rest_, {}};
  fill(blob.beginning, random_);
  Hasher hasher;
  hasher.update(blob.beginning);
  hasher.update(blob.rest);
  blob.digest = hasher.finish().to_string();
  return blob;
}

ImageMaker::ImageMaker(std::size_t layers, std::size_t layer_size)
    : layers_(layers),
      config_maker_(config_size),
      layer_maker_(layer_size),
      run_(random_hex(4)) {}

Image ImageMaker::make() {
  Image image;
  Manifest manifest;
  manifest.media_type = media_type::oci_manifest;
  image.blobs.push_back(config_maker_.make());
  manifest.config = describe(media_type::oci_config, image.blobs.back());
  for (std::size_t i = 0; i < layers_; ++i) {
    image.blobs.push_back(layer_maker_.make());
    manifest.layers.push_back(describe(media_type::oci_layer_gzip, image.blobs.back()));
  }
  image.manifest = to_json(manifest);
  image.tag = run_ + "-" + std::to_string(made_++);
  return image;
}

}  // namespace slipway::load
