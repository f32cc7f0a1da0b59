#include "worker/image_metadata.hpp"

#include <slipway/core/media_type.hpp>
#include <slipway/support/hasher.hpp>

#include <fstream>
#include <functional>
#include <iterator>
#include <system_error>

#include "build/git_url.hpp"
#include "json/value.hpp"
#include "json/writer.hpp"

namespace slipway {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view oci_prefix = "org.opencontainers.image.";

/// A value as it is.
void copy(json::Writer& out, json::Value value) {
  switch (value.kind()) {
    case json::Kind::object:
      out.begin_object();
      for (const auto [key, member] : value.members()) copy(out.key(key), member);
      out.end_object();
      return;
    case json::Kind::array:
      out.begin_array();
      for (const json::Value element : value.elements()) copy(out, element);
      out.end_array();
      return;
    case json::Kind::string:
      out.string(value.text());
      return;
    case json::Kind::boolean:
      out.boolean(*value.as_bool());
      return;
    case json::Kind::number:
      if (const auto whole = value.as_int64())
        out.number(*whole);
      else
        out.number(value.as_uint64().value_or(0));
      return;
    case json::Kind::missing:
    case json::Kind::null:
      out.null();
  }
}

/// An object with one member replaced, or added at its end.
void copy_with(json::Writer& out, json::Value object, std::string_view name,
               const std::function<void(json::Writer&, json::Value)>& write) {
  out.begin_object();
  for (const auto [key, member] : object.members())
    if (key != name) copy(out.key(key), member);
  write(out.key(name), object.find(name));
  out.end_object();
}

/// Names to texts, with these added or replaced.
void write_texts(json::Writer& out, json::Value before, const ImageLabels& added) {
  out.begin_object();
  for (const auto [key, value] : before.members())
    if (!added.contains(std::string(key))) out.member(key, value.text());
  for (const auto& [key, value] : added) out.member(key, value);
  out.end_object();
}

Result<std::string> read_file(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return Error(ErrorCode::corrupt, file.string() + ": cannot be read");
  return std::string{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

Result<void> write_file(const fs::path& file, std::string_view bytes) {
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  stream.close();
  if (!stream) return Error(ErrorCode::io, file.string() + ": cannot be written (disk full?)");
  return {};
}

std::string labelled_config(json::Value config, const ImageLabels& labels) {
  json::Writer out;
  copy_with(out, config, "config", [&](json::Writer& inner, json::Value run) {
    copy_with(inner, run, "Labels", [&](json::Writer& innermost, json::Value before) {
      write_texts(innermost, before, labels);
    });
  });
  return out.take();
}

std::string annotated_manifest(json::Value manifest, std::string_view config,
                               const ImageLabels& labels) {
  ImageLabels annotations;
  for (const auto& [name, value] : labels)
    if (name.starts_with(oci_prefix)) annotations.emplace(name, value);
  const auto described = [&](json::Writer& out, json::Value before) {
    out.begin_object().member("mediaType", before.find("mediaType").text());
    out.member("digest", digest_of(config).to_string());
    out.key("size").number(std::uint64_t{config.size()}).end_object();
  };
  json::Writer out;
  if (manifest.find("mediaType").text() == media_type::docker_manifest) {
    copy_with(out, manifest, "config", described);
    return out.take();
  }
  out.begin_object();
  for (const auto [key, member] : manifest.members()) {
    if (key == "annotations") continue;
    if (key == "config")
      described(out.key(key), member);
    else
      copy(out.key(key), member);
  }
  write_texts(out.key("annotations"), manifest.find("annotations"), annotations);
  out.end_object();
  return out.take();
}

/// "refs/tags/v1.2" is version v1.2; another build is as its first tag is called.
std::string version_of(const BuildRequest& request) {
  constexpr std::string_view tags = "refs/tags/";
  if (const auto* git = std::get_if<GitSource>(&request.source);
      git != nullptr && git->ref.starts_with(tags))
    return git->ref.substr(tags.size());
  return request.tags.empty() ? std::string() : request.tags.front();
}

}  // namespace

ImageLabels image_labels(const BuildJob& job) {
  const BuildRequest& request = job.instructions.build.request;
  ImageLabels labels{{"org.opencontainers.image.created", job.created},
                     {"org.opencontainers.image.version", version_of(request)}};
  if (const auto* git = std::get_if<GitSource>(&request.source)) {
    labels["org.opencontainers.image.source"] = without_credentials(git->url);
    labels["org.opencontainers.image.revision"] = job.source.commit;
  }
  for (const auto& [name, value] : request.labels) labels[name] = value;
  std::erase_if(labels, [](const auto& label) { return label.second.empty(); });
  return labels;
}

Result<void> label_image(const fs::path& folder, const ImageLabels& labels) {
  SLIPWAY_TRY(const std::string manifest_bytes, read_file(folder / "manifest.json"));
  SLIPWAY_TRY(const json::Document manifest, json::Document::parse(manifest_bytes));
  SLIPWAY_TRY(const Digest before,
              Digest::parse(manifest.root().find("config").find("digest").text()));
  SLIPWAY_TRY(const std::string config_bytes, read_file(folder / before.hex()));
  SLIPWAY_TRY(const json::Document config, json::Document::parse(config_bytes));

  const std::string labelled = labelled_config(config.root(), labels);
  std::error_code ignored;
  fs::remove(folder / before.hex(), ignored);
  SLIPWAY_CHECK(write_file(folder / digest_of(labelled).hex(), labelled));
  return write_file(folder / "manifest.json",
                    annotated_manifest(manifest.root(), labelled, labels));
}

}  // namespace slipway
