#include <slipway/image/image_config.hpp>

#include <algorithm>

#include "image/descriptor_json.hpp"
#include "json/object_reader.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

/// A set as Go writes one: an object whose members' names are the elements.
json::ObjectReader::Read set_into(std::vector<std::string>& out) {
  return [&out](json::Value value, const std::string& path) -> Result<void> {
    if (!value.is_object()) return json::mistake(path, "an object", value);
    for (const json::Member& member : value.members()) out.emplace_back(member.key);
    std::sort(out.begin(), out.end());
    return {};
  };
}

Result<ExecutionConfig> read_execution(json::Value value, const std::string& path) {
  ExecutionConfig config;
  json::ObjectReader object(value, path);
  object.read("User", config.user);
  object.read("ExposedPorts", set_into(config.exposed_ports));
  object.read("Env", config.environment);
  object.read("Entrypoint", config.entrypoint);
  object.read("Cmd", config.command);
  object.read("Volumes", set_into(config.volumes));
  object.read("WorkingDir", config.working_directory);
  object.read("Labels", config.labels);
  object.read("StopSignal", config.stop_signal);
  SLIPWAY_CHECK(object.finish());
  return config;
}

Result<std::vector<Digest>> read_root_filesystem(json::Value value, const std::string& path) {
  std::string type;
  std::vector<Digest> diff_ids;
  json::ObjectReader object(value, path);
  object.require("type", type);
  object.read_each("diff_ids", [&](json::Value element, const std::string& at) -> Result<void> {
    if (!element.is_string()) return json::mistake(at, "a digest", element);
    const Result<Digest> digest = Digest::parse(element.text());
    if (!digest)
      return Error(ErrorCode::invalid_argument,
                   slipway::format("{}: {}", at, digest.error().message));
    diff_ids.push_back(*digest);
    return {};
  });
  SLIPWAY_CHECK(object.finish());
  if (type != "layers")
    return json::mistake(object.path_of("type"), "\"layers\"", value.find("type"));
  return diff_ids;
}

Result<HistoryEntry> read_history_entry(json::Value value, const std::string& path) {
  HistoryEntry entry;
  json::ObjectReader object(value, path);
  object.read("created", json::time_into(entry.created));
  object.read("created_by", entry.created_by);
  object.read("author", entry.author);
  object.read("comment", entry.comment);
  object.read("empty_layer", entry.empty_layer);
  SLIPWAY_CHECK(object.finish());
  return entry;
}

void write_created(json::Writer& json, const std::optional<Timestamp>& created) {
  if (created) json.member("created", to_rfc3339(*created));
}

void write_set(json::Writer& json, std::string_view key, const std::vector<std::string>& set) {
  if (set.empty()) return;
  json.key(key).begin_object();
  for (const std::string& element : set) json.key(element).begin_object().end_object();
  json.end_object();
}

void write_execution(json::Writer& json, const ExecutionConfig& config) {
  json.key("config").begin_object().member_if("User", config.user);
  write_set(json, "ExposedPorts", config.exposed_ports);
  write_texts(json, "Env", config.environment);
  write_texts(json, "Entrypoint", config.entrypoint);
  write_texts(json, "Cmd", config.command);
  write_set(json, "Volumes", config.volumes);
  json.member_if("WorkingDir", config.working_directory);
  write_text_map(json, "Labels", config.labels);
  json.member_if("StopSignal", config.stop_signal).end_object();
}

void write_history(json::Writer& json, const std::vector<HistoryEntry>& history) {
  if (history.empty()) return;
  json.key("history").begin_array();
  for (const HistoryEntry& entry : history) {
    json.begin_object();
    write_created(json, entry.created);
    json.member_if("created_by", entry.created_by).member_if("author", entry.author);
    json.member_if("comment", entry.comment);
    if (entry.empty_layer) json.key("empty_layer").boolean(true);
    json.end_object();
  }
  json.end_array();
}

}  // namespace

Result<ImageConfig> parse_image_config(std::string_view bytes) {
  SLIPWAY_TRY(const json::Document document,
              json::Document::parse(bytes, {.max_bytes = max_image_config_bytes}));
  ImageConfig image;
  json::ObjectReader object(document.root(), "");
  object.read("created", json::time_into(image.created));
  object.read("author", image.author);
  object.require("architecture", image.platform.architecture);
  object.require("os", image.platform.os);
  read_platform_members(object, image.platform);
  object.read("config", [&](json::Value value, const std::string& path) -> Result<void> {
    SLIPWAY_TRY(image.config, read_execution(value, path));
    return {};
  });
  object.require("rootfs", [&](json::Value value, const std::string& path) -> Result<void> {
    SLIPWAY_TRY(image.diff_ids, read_root_filesystem(value, path));
    return {};
  });
  object.read_each("history", [&](json::Value value, const std::string& path) -> Result<void> {
    SLIPWAY_TRY(HistoryEntry entry, read_history_entry(value, path));
    image.history.push_back(std::move(entry));
    return {};
  });
  SLIPWAY_CHECK(object.finish());
  return image;
}

std::string to_json(const ImageConfig& image) {
  json::Writer json;
  json.begin_object();
  write_created(json, image.created);
  json.member_if("author", image.author);
  write_platform_members(json, image.platform);
  if (image.config != ExecutionConfig()) write_execution(json, image.config);
  json.key("rootfs").begin_object().member("type", "layers").key("diff_ids").begin_array();
  for (const Digest& diff_id : image.diff_ids) json.string(diff_id.to_string());
  json.end_array().end_object();
  write_history(json, image.history);
  json.end_object();
  return json.take();
}

}  // namespace slipway
