#include <slipway/image/manifest.hpp>

#include <slipway/core/media_type.hpp>

#include "image/descriptor_json.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

Error schema1() {
  return Error(ErrorCode::unsupported,
               "Docker image manifest version 2, schema 1 is not supported; push it with Docker "
               "1.10 or later, or convert it: skopeo copy --format v2s2");
}

/// Of the Content-Type and the body's mediaType: both may be absent, and they may not differ.
Result<std::string> decide_media_type(std::string_view content_type, const std::string& in_body,
                                      bool has_manifests) {
  const std::string_view declared = media_type::essence(content_type);
  if (media_type::is_docker_schema1(declared) || media_type::is_docker_schema1(in_body))
    return schema1();
  if (!declared.empty() && !in_body.empty() && declared != in_body)
    return Error(ErrorCode::invalid_argument,
                 slipway::format("mediaType: \"{}\" is not the Content-Type \"{}\"",
                                 in_body.substr(0, 100), declared.substr(0, 100)));
  std::string type = in_body.empty() ? std::string(declared) : in_body;
  if (type.empty())
    type = has_manifests ? media_type::oci_index : media_type::oci_manifest;
  if (media_type::is_image_manifest(type) || media_type::is_image_index(type)) return type;
  return Error(ErrorCode::unsupported,
               slipway::format("\"{}\" is not the type of a manifest; send {} or {} (or Docker's)",
                               type.substr(0, 100), media_type::oci_manifest,
                               media_type::oci_index));
}

/// A reader for a member that is one descriptor.
json::ObjectReader::Read into(std::optional<Descriptor>& out) {
  return [&out](json::Value value, const std::string& path) -> Result<void> {
    SLIPWAY_TRY(out, read_descriptor(value, path));
    return {};
  };
}

json::ObjectReader::Read into(std::vector<Descriptor>& out) {
  return [&out](json::Value value, const std::string& path) -> Result<void> {
    SLIPWAY_TRY(Descriptor descriptor, read_descriptor(value, path));
    out.push_back(std::move(descriptor));
    return {};
  };
}

/// Null is an empty list: Go's encoder writes one so.
void require_each(json::ObjectReader& object, json::Value root, std::string_view key,
                  std::vector<Descriptor>& out) {
  if (root.find(key).kind() == json::Kind::missing)
    object.fail(Error(ErrorCode::invalid_argument, std::string(key) + ": is missing"));
  object.read_each(key, into(out));
}

Error ambiguous(std::string_view key, std::string_view type) {
  return Error(ErrorCode::invalid_argument,
               slipway::format("{}: does not belong into a manifest of type {}", key, type));
}

void write_descriptors(json::Writer& json, std::string_view key,
                       const std::vector<Descriptor>& descriptors) {
  json.key(key).begin_array();
  for (const Descriptor& descriptor : descriptors) write_descriptor(json, descriptor);
  json.end_array();
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view bytes, std::string_view content_type) {
  SLIPWAY_TRY(const json::Document document,
              json::Document::parse(bytes, {.max_bytes = max_manifest_bytes}));
  const json::Value root = document.root();
  json::ObjectReader object(root, "");

  std::string media_type_in_body;
  std::uint64_t schema_version = 2;
  object.read("mediaType", media_type_in_body);
  object.read("schemaVersion", schema_version);
  SLIPWAY_CHECK(object.finish());
  if (schema_version == 1) return schema1();
  if (schema_version != 2 || !root.find("schemaVersion"))
    return json::mistake("schemaVersion", "2", root.find("schemaVersion"));

  Manifest manifest;
  SLIPWAY_TRY(manifest.media_type,
              decide_media_type(content_type, media_type_in_body, bool(root.find("manifests"))));
  object.read("artifactType", manifest.artifact_type);
  object.read("subject", into(manifest.subject));
  object.read("annotations", manifest.annotations);
  if (media_type::is_image_index(manifest.media_type)) {
    for (const std::string_view foreign : {"config", "layers"})
      if (root.find(foreign)) return ambiguous(foreign, manifest.media_type);
    require_each(object, root, "manifests", manifest.manifests);
  } else {
    if (root.find("manifests")) return ambiguous("manifests", manifest.media_type);
    object.require("config", into(manifest.config));
    require_each(object, root, "layers", manifest.layers);
  }
  SLIPWAY_CHECK(object.finish());
  if (manifest.artifact_type.empty() && manifest.config)
    manifest.artifact_type = manifest.config->media_type;
  return manifest;
}

std::string to_json(const Manifest& manifest) {
  json::Writer json;
  json.begin_object().key("schemaVersion").number(2).member("mediaType", manifest.media_type);
  if (!manifest.config || manifest.artifact_type != manifest.config->media_type)
    json.member_if("artifactType", manifest.artifact_type);
  if (manifest.config) {
    json.key("config");
    write_descriptor(json, *manifest.config);
    write_descriptors(json, "layers", manifest.layers);
  } else {
    write_descriptors(json, "manifests", manifest.manifests);
  }
  if (manifest.subject) {
    json.key("subject");
    write_descriptor(json, *manifest.subject);
  }
  write_text_map(json, "annotations", manifest.annotations);
  json.end_object();
  return json.take();
}

}  // namespace slipway
