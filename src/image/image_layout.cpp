#include "image/image_layout.hpp"

#include <slipway/core/media_type.hpp>
#include <slipway/image/manifest.hpp>

#include "json/object_reader.hpp"
#include "json/writer.hpp"

namespace slipway {
namespace {

constexpr std::string_view version = "1.0.0";
constexpr std::string_view blobs_folder = "blobs/";
constexpr const char* ref_name = "org.opencontainers.image.ref.name";
constexpr const char* full_name = "io.containerd.image.name";

std::string_view annotation(const Descriptor& entry, const char* name) {
  const auto found = entry.annotations.find(name);
  return found == entry.annotations.end() ? std::string_view() : found->second;
}

Result<DockerArchiveImage> read_docker_image(json::Value value, const std::string& path) {
  DockerArchiveImage image;
  json::ObjectReader object(value, path);
  object.require("Config", image.config);
  object.read("RepoTags", image.tags);
  object.read("Layers", image.layers);
  SLIPWAY_CHECK(object.finish());
  return image;
}

}  // namespace

std::string layout_blob_path(const Digest& digest) {
  return std::string(blobs_folder)
      .append(to_string(digest.algorithm()))
      .append("/")
      .append(digest.hex());
}

std::optional<Digest> parse_layout_blob_path(std::string_view path) noexcept {
  if (!path.starts_with(blobs_folder)) return std::nullopt;
  path.remove_prefix(blobs_folder.size());
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto digest = Digest::parse(
      std::string(path.substr(0, slash)).append(":").append(path.substr(slash + 1)));
  if (!digest) return std::nullopt;
  return *digest;
}

Result<void> check_layout_version(std::string_view bytes) {
  SLIPWAY_TRY(const json::Document document, json::Document::parse(bytes));
  std::string found;
  json::ObjectReader object(document.root(), "");
  object.require("imageLayoutVersion", found);
  SLIPWAY_CHECK(object.finish());
  if (found != version)
    return Error(ErrorCode::unsupported, "imageLayoutVersion: expected \"" + std::string(version) +
                                             "\", got \"" + found.substr(0, 100) + "\"");
  return {};
}

std::string layout_version_json() {
  json::Writer json;
  json.begin_object().member("imageLayoutVersion", version).end_object();
  return json.take();
}

Result<std::vector<Descriptor>> parse_layout_index(std::string_view bytes) {
  SLIPWAY_TRY(Manifest index, parse_manifest(bytes, ""));
  if (!index.is_index())
    return Error(ErrorCode::invalid_argument, "manifests: is missing; it is no index");
  return std::move(index.manifests);
}

std::string layout_index_json(const std::vector<Descriptor>& manifests) {
  Manifest index;
  index.media_type = media_type::oci_index;
  index.manifests = manifests;
  return to_json(index);
}

std::string_view layout_ref_name(const Descriptor& entry) { return annotation(entry, ref_name); }
std::string_view layout_full_name(const Descriptor& entry) { return annotation(entry, full_name); }

void set_layout_ref_name(Descriptor& entry, std::string_view name) {
  entry.annotations[ref_name] = name;
}

Result<std::vector<DockerArchiveImage>> parse_docker_archive(std::string_view bytes) {
  SLIPWAY_TRY(const json::Document document,
              json::Document::parse(bytes, {.max_bytes = max_layout_document_bytes}));
  if (!document.root().is_array()) return json::mistake("", "an array", document.root());
  std::vector<DockerArchiveImage> images;
  for (const json::Value value : document.root().elements()) {
    SLIPWAY_TRY(DockerArchiveImage image,
                read_docker_image(value, json::element_path("", images.size())));
    images.push_back(std::move(image));
  }
  return images;
}

}  // namespace slipway
