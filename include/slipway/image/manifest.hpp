// Manifests: what an image, an index or an artifact is made of.
//
// Read from untrusted bytes, with limits on size, depth and count. Sources: OCI image specification
// 1.1, "manifest.md" and "image-index.md"; Docker "Image Manifest Version 2, Schema 2".
//
// Thread safety: plain values and pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/descriptor.hpp>
#include <slipway/core/result.hpp>

namespace slipway {

/// "A registry should enforce some limit on the maximum manifest size" of at least 4 MiB: OCI
/// distribution specification 1.1.1, "Pushing Manifests".
inline constexpr std::size_t max_manifest_bytes = std::size_t{4} * 1024 * 1024;

/// An image manifest (config and layers) or an index (manifests), of OCI or Docker.
struct Manifest {
  std::string media_type;
  /// As the referrers API shows it: the manifest's own, else, of an image manifest, its config's
  /// media type. Empty for an index without one.
  std::string artifact_type;
  std::optional<Descriptor> config;  // an image manifest's
  std::vector<Descriptor> layers;    // an image manifest's
  std::vector<Descriptor> manifests;  // an index's
  std::optional<Descriptor> subject;
  Annotations annotations;

  [[nodiscard]] bool is_index() const noexcept { return !config.has_value(); }
};

/// Reads a manifest that came with this Content-Type (parameters are ignored; empty: the body's
/// mediaType decides).
///
/// Refused besides what is malformed: a body whose mediaType is not the Content-Type; one with both
/// layers and manifests, which two readers could take for two things (CVE-2021-41190).
/// Errors: invalid_argument (which field), unsupported (Docker schema 1, or a type that is no
/// manifest's; what to do), too_large.
Result<Manifest> parse_manifest(std::string_view bytes, std::string_view content_type);

/// The canonical JSON: members in the specification's order, no white space.
std::string to_json(const Manifest& manifest);

/// One descriptor, as it stands in a manifest, and as the referrers API lists it.
std::string to_json(const Descriptor& descriptor);

/// Errors: invalid_argument (which field), too_large.
Result<Descriptor> parse_descriptor(std::string_view json);

}  // namespace slipway
