// The documents of an image on its way between registries: the OCI image layout, and what
// `docker save` writes.
//
// Read from untrusted bytes, with limits on size, depth and count. Sources: OCI image specification
// 1.1, "image-layout.md"; Docker "Image Specification v1.2", section "Combined Image JSON +
// Filesystem Changeset Format", for manifest.json.
//
// Thread safety: plain values and pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/descriptor.hpp>
#include <slipway/core/digest.hpp>
#include <slipway/core/result.hpp>

namespace slipway {

inline constexpr std::string_view layout_version_file = "oci-layout";
inline constexpr std::string_view layout_index_file = "index.json";
inline constexpr std::string_view docker_archive_file = "manifest.json";
inline constexpr std::size_t max_layout_document_bytes = std::size_t{4} * 1024 * 1024;

/// "blobs/sha256/<hex>".
std::string layout_blob_path(const Digest& digest);
/// nullopt: it is no blob's path.
std::optional<Digest> parse_layout_blob_path(std::string_view path) noexcept;

/// Of the file oci-layout. Errors: invalid_argument, unsupported (another version).
Result<void> check_layout_version(std::string_view bytes);
std::string layout_version_json();

/// What index.json names. Errors: invalid_argument (which field), too_large.
Result<std::vector<Descriptor>> parse_layout_index(std::string_view bytes);
std::string layout_index_json(const std::vector<Descriptor>& manifests);

/// What people call an entry of index.json: the annotation org.opencontainers.image.ref.name; empty
/// without one. Docker and containerd also write the whole name, "docker.io/library/app:1".
std::string_view layout_ref_name(const Descriptor& entry);
std::string_view layout_full_name(const Descriptor& entry);
void set_layout_ref_name(Descriptor& entry, std::string_view name);

/// One element of Docker's manifest.json. Paths are those of the archive.
struct DockerArchiveImage {
  std::string config;
  std::vector<std::string> tags;    // "app:1"
  std::vector<std::string> layers;  // the lowest first

  friend bool operator==(const DockerArchiveImage&, const DockerArchiveImage&) = default;
};

/// Errors: invalid_argument (which field), too_large.
Result<std::vector<DockerArchiveImage>> parse_docker_archive(std::string_view bytes);

}  // namespace slipway
