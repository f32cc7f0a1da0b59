// Media types of manifests, and what class each belongs to.
//
// Sources: OCI image specification 1.1 "media-types.md"; Docker "Image Manifest Version 2,
// Schema 2". Parameters are not part of a type here: `essence` cuts them off.
//
// Thread safety: pure functions.
#pragma once

#include <string_view>

namespace slipway::media_type {

inline constexpr std::string_view oci_manifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view oci_index = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view oci_config = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view oci_empty = "application/vnd.oci.empty.v1+json";
inline constexpr std::string_view oci_layer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view oci_layer_gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view oci_layer_zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view docker_manifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view docker_manifest_list =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view docker_manifest_v1 =
    "application/vnd.docker.distribution.manifest.v1+json";
inline constexpr std::string_view docker_manifest_v1_signed =
    "application/vnd.docker.distribution.manifest.v1+prettyjws";
inline constexpr std::string_view docker_config = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view json = "application/json";
inline constexpr std::string_view octet_stream = "application/octet-stream";
inline constexpr std::string_view problem_json = "application/problem+json";

/// The type without parameters and the white space around it: RFC 9110 section 8.3.1.
constexpr std::string_view essence(std::string_view type) noexcept {
  type = type.substr(0, type.find(';'));
  while (!type.empty() && (type.front() == ' ' || type.front() == '\t')) type.remove_prefix(1);
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  return type;
}

/// A manifest that names a config and layers.
constexpr bool is_image_manifest(std::string_view type) noexcept {
  return type == oci_manifest || type == docker_manifest;
}

/// A manifest that names other manifests.
constexpr bool is_image_index(std::string_view type) noexcept {
  return type == oci_index || type == docker_manifest_list;
}

constexpr bool is_docker_schema1(std::string_view type) noexcept {
  return type == docker_manifest_v1 || type == docker_manifest_v1_signed;
}

}  // namespace slipway::media_type
