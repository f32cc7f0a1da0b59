#include "image/descriptor_json.hpp"

#include <limits>

#include <slipway/image/manifest.hpp>

namespace slipway {
namespace {

Result<Platform> read_platform(json::Value value, const std::string& path) {
  Platform platform;
  json::ObjectReader object(value, path);
  read_platform_members(object, platform);
  SLIPWAY_CHECK(object.finish());
  return platform;
}

}  // namespace

void read_platform_members(json::ObjectReader& object, Platform& platform) {
  object.read("architecture", platform.architecture);
  object.read("os", platform.os);
  object.read("os.version", platform.os_version);
  object.read("os.features", platform.os_features);
  object.read("variant", platform.variant);
}

void write_platform_members(json::Writer& json, const Platform& platform) {
  json.member("architecture", platform.architecture).member("os", platform.os);
  json.member_if("os.version", platform.os_version);
  write_texts(json, "os.features", platform.os_features);
  json.member_if("variant", platform.variant);
}

void write_texts(json::Writer& json, std::string_view key, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  json.key(key).begin_array();
  for (const std::string& text : texts) json.string(text);
  json.end_array();
}

Result<Descriptor> read_descriptor(json::Value value, const std::string& path) {
  std::string media_type, digest_text, artifact_type;
  std::uint64_t size = 0;
  Annotations annotations;
  std::vector<std::string> urls;
  std::optional<Platform> platform;
  json::ObjectReader object(value, path);
  object.require("mediaType", media_type);
  object.require("digest", digest_text);
  object.require("size", size);
  object.read("artifactType", artifact_type);
  object.read("annotations", annotations);
  object.read("urls", urls);
  object.read("platform", [&platform](json::Value member, const std::string& at) -> Result<void> {
    SLIPWAY_TRY(platform, read_platform(member, at));
    return {};
  });
  SLIPWAY_CHECK(object.finish());

  Result<Digest> digest = Digest::parse(digest_text);
  if (!digest)
    return Error(ErrorCode::invalid_argument,
                 object.path_of("digest") + ": " + digest.error().message);
  if (size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return json::mistake(object.path_of("size"), "a size of at most 63 bits", value.find("size"));
  return Descriptor{std::move(media_type),  *digest,          size, std::move(artifact_type),
                    std::move(annotations), std::move(platform), std::move(urls)};
}

void write_text_map(json::Writer& json, std::string_view key,
                    const std::map<std::string, std::string>& texts) {
  if (texts.empty()) return;
  json.key(key).begin_object();
  for (const auto& [name, value] : texts) json.member(name, value);
  json.end_object();
}

void write_descriptor(json::Writer& json, const Descriptor& descriptor) {
  json.begin_object();
  json.member("mediaType", descriptor.media_type);
  json.member("digest", descriptor.digest.to_string());
  json.key("size").number(descriptor.size);
  write_texts(json, "urls", descriptor.urls);
  write_text_map(json, "annotations", descriptor.annotations);
  json.member_if("artifactType", descriptor.artifact_type);
  if (descriptor.platform) {
    json.key("platform").begin_object();
    write_platform_members(json, *descriptor.platform);
    json.end_object();
  }
  json.end_object();
}

std::string to_json(const Descriptor& descriptor) {
  json::Writer json;
  write_descriptor(json, descriptor);
  return json.take();
}

Result<Descriptor> parse_descriptor(std::string_view text) {
  SLIPWAY_TRY(const json::Document document, json::Document::parse(text));
  return read_descriptor(document.root(), "");
}

}  // namespace slipway
