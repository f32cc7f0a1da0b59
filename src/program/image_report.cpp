#include "program/image_report.hpp"

#include <slipway/core/media_type.hpp>

#include <algorithm>
#include <map>

#include "json/writer.hpp"
#include "program/progress.hpp"
#include "program/table.hpp"
#include "support/format.hpp"
#include "transfer/layer_files.hpp"

namespace slipway {
namespace {

void add_line(std::string& text, std::string_view name, std::string_view value) {
  if (!value.empty()) text += slipway::format("{:<12} {}\n", name, on_one_line(value));
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : " ").append(word);
  return text;
}

void add_config(std::string& text, const ImageConfig& image) {
  add_line(text, "platform", platform_text(image.platform));
  if (image.created) add_line(text, "created", to_rfc3339(*image.created));
  add_line(text, "author", image.author);
  add_line(text, "user", image.config.user);
  add_line(text, "folder", image.config.working_directory);
  add_line(text, "entrypoint", joined(image.config.entrypoint));
  add_line(text, "command", joined(image.config.command));
  add_line(text, "ports", joined(image.config.exposed_ports));
  add_line(text, "volumes", joined(image.config.volumes));
  add_line(text, "stop signal", image.config.stop_signal);
  for (const std::string& variable : image.config.environment) add_line(text, "env", variable);
  for (const auto& [key, value] : image.config.labels)
    add_line(text, "label", slipway::format("{}={}", key, value));
}

/// What made each layer, as far as the history tells.
std::vector<std::string> layer_makers(const ImageView& view) {
  std::vector<std::string> makers;
  if (view.config)
    for (const HistoryEntry& entry : view.config->history)
      if (!entry.empty_layer) makers.push_back(entry.created_by);
  if (makers.size() != view.manifest.layers.size()) makers.clear();
  makers.resize(view.manifest.layers.size());
  return makers;
}

std::string layer_table(const ImageView& view) {
  constexpr std::size_t longest = 100;
  const std::vector<std::string> makers = layer_makers(view);
  Table table{"LAYER", "DIGEST", "SIZE", "TYPE", "MADE BY"};
  for (std::size_t i = 0; i < view.manifest.layers.size(); ++i) {
    const Descriptor& layer = view.manifest.layers[i];
    table.add({std::to_string(i + 1), layer.digest.to_string(), readable_size(layer.size),
               layer.media_type, makers[i].substr(0, longest)});
  }
  return table.text();
}

std::string index_table(const Manifest& index) {
  Table table{"PLATFORM", "DIGEST", "TYPE"};
  for (const Descriptor& child : index.manifests)
    table.add({platform_text(child.platform), child.digest.to_string(),
               child.artifact_type.empty() ? child.media_type : child.artifact_type});
  return table.text();
}

std::string referrer_table(const std::vector<Descriptor>& referrers) {
  Table table{"REFERRER", "DIGEST"};
  for (const Descriptor& referrer : referrers)
    table.add({referrer.artifact_type, referrer.digest.to_string()});
  return table.text();
}

std::uint64_t add_blobs(const Manifest& manifest, std::map<Digest, std::uint64_t>& blobs) {
  if (manifest.config) blobs.emplace(manifest.config->digest, manifest.config->size);
  for (const Descriptor& layer : manifest.layers) blobs.emplace(layer.digest, layer.size);
  std::uint64_t total = 0;
  for (const auto& [digest, size] : blobs) total += size;
  return total;
}

std::string_view type_name(TarEntry::Type type) {
  switch (type) {
    case TarEntry::Type::file: return "file";
    case TarEntry::Type::folder: return "folder";
    case TarEntry::Type::symlink: return "symlink";
    case TarEntry::Type::hard_link: return "hard_link";
    case TarEntry::Type::other: break;
  }
  return "other";
}

/// A time that no calendar has is the calendar's nearest.
std::string time_text(const TarEntry& entry) {
  constexpr std::int64_t last = 253'402'300'799;  // 9999-12-31T23:59:59Z
  const std::int64_t seconds = std::min(std::max<std::int64_t>(entry.mtime, 0), last);
  return to_rfc3339(Timestamp(std::chrono::seconds(seconds)));
}

}  // namespace

std::string platform_text(const std::optional<Platform>& platform) {
  if (!platform) return "";
  std::string text = platform->os + "/" + platform->architecture;
  if (!platform->variant.empty()) text += "/" + platform->variant;
  return text;
}

std::string image_text(const ImageView& view) {
  std::string text = on_one_line(view.name) + "\n";
  add_line(text, "digest", view.content.digest.to_string());
  add_line(text, "type", view.manifest.media_type);
  if (!view.manifest.config || view.manifest.artifact_type != view.manifest.config->media_type)
    add_line(text, "artifact", view.manifest.artifact_type);
  if (view.manifest.subject)
    add_line(text, "refers to", view.manifest.subject->digest.to_string());
  if (view.config) add_config(text, *view.config);
  for (const auto& [key, value] : view.manifest.annotations)
    add_line(text, "annotation", slipway::format("{}={}", key, value));
  text += "\n" + (view.manifest.is_index() ? index_table(view.manifest) : layer_table(view));
  if (!view.referrers.empty()) text += "\n" + referrer_table(view.referrers);
  return text;
}

std::string image_json(const ImageView& view) {
  json::Writer json;
  json.begin_object().member("name", view.name);
  json.member("digest", view.content.digest.to_string());
  json.member("media_type", view.manifest.media_type);
  json.key("manifest").raw(view.content.bytes);
  if (view.config) json.key("config").raw(view.config_json);
  json.key("referrers").begin_array();
  for (const Descriptor& referrer : view.referrers) json.raw(to_json(referrer));
  json.end_array().end_object();
  return json.take();
}

Result<std::uint64_t> image_size(const RegistryClient& registry,
                                 const RegistryClient::Content& content) {
  SLIPWAY_TRY(const Manifest manifest, parse_manifest(content.bytes, content.media_type));
  std::map<Digest, std::uint64_t> blobs;
  std::uint64_t total = add_blobs(manifest, blobs);
  for (const Descriptor& child : manifest.manifests) {
    if (!media_type::is_image_manifest(child.media_type)) continue;
    const auto image = registry.read_manifest(child.digest);
    if (!image && image.error().code == ErrorCode::not_found) continue;
    if (!image) return image.error();
    SLIPWAY_TRY(const Manifest parsed, parse_manifest(image->bytes, image->media_type));
    total = add_blobs(parsed, blobs);
  }
  return total;
}

std::string file_text(const TarEntry& entry) {
  std::string line = slipway::format("{} {:>12} {} {}", mode_text(entry), entry.size,
                                     time_text(entry), on_one_line(entry.name));
  if (!entry.target.empty()) line += " -> " + on_one_line(entry.target);
  return line + "\n";
}

std::string file_json(const TarEntry& entry) {
  json::Writer json;
  json.begin_object().member("name", entry.name).member("type", type_name(entry.type));
  json.key("size").number(entry.size).member("mode", mode_text(entry));
  json.member("modified", time_text(entry)).member_if("target", entry.target);
  json.end_object();
  return json.take();
}

}  // namespace slipway
