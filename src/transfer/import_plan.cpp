#include "transfer/import_plan.hpp"

#include <slipway/core/media_type.hpp>
#include <slipway/image/image_config.hpp>
#include <slipway/image/manifest.hpp>
#include <slipway/support/hasher.hpp>

#include <algorithm>
#include <map>
#include <set>

#include "image/image_layout.hpp"
#include "json/value.hpp"
#include "support/format.hpp"
#include "transfer/layout_walk.hpp"

namespace slipway {
namespace {

/// Docker "Image Manifest Version 2, Schema 2", "Media Types"; the first is Docker's for a layer that
/// is not compressed.
constexpr std::string_view docker_layer = "application/vnd.docker.image.rootfs.diff.tar";
constexpr std::string_view docker_layer_gzip =
    "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// Names for a message, the first few.
std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t most = 10;
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < most; ++i)
    text.append(text.empty() ? "" : ", ").append(names[i].substr(0, 200));
  if (names.size() > most) text += slipway::format(" and {} more", names.size() - most);
  return text;
}

Error none_called(std::string_view ref, std::string_view document,
                  const std::vector<std::string>& names) {
  return Error(ErrorCode::not_found, slipway::format("{} has no image \"{}\"; it has {}", document,
                                                     ref, listed(names)));
}

Error several(std::string_view document, const std::vector<std::string>& names) {
  return Error(ErrorCode::invalid_argument,
               slipway::format("{} has {} images; choose one with --ref: {}", document,
                               names.size(), listed(names)));
}

// ---- an OCI layout ----

bool is_called(const Descriptor& entry, std::string_view name) {
  if (name.empty()) return false;
  const std::string_view full = layout_full_name(entry);
  return layout_ref_name(entry) == name || full == name || entry.digest.to_string() == name ||
         (full.ends_with(name) && full.size() > name.size() &&
          full[full.size() - name.size() - 1] == '/');
}

std::vector<std::string> names_of(const std::vector<Descriptor>& entries) {
  std::vector<std::string> names;
  for (const Descriptor& entry : entries) {
    const std::string_view name = layout_ref_name(entry);
    names.push_back(name.empty() ? entry.digest.to_string() : std::string(name));
  }
  return names;
}

/// The same image twice is one.
std::vector<Descriptor> without_repeated(const std::vector<Descriptor>& entries) {
  std::set<Digest> seen;
  std::vector<Descriptor> distinct;
  for (const Descriptor& entry : entries)
    if (seen.insert(entry.digest).second) distinct.push_back(entry);
  return distinct;
}

std::vector<Descriptor> called(const std::vector<Descriptor>& entries, std::string_view name) {
  std::vector<Descriptor> found;
  for (const Descriptor& entry : entries)
    if (is_called(entry, name)) found.push_back(entry);
  return without_repeated(found);
}

Result<Descriptor> choose(const LayoutWalk& walk, const std::vector<Descriptor>& entries,
                          const ImportChoice& choice) {
  if (!choice.ref.empty()) {
    const std::vector<Descriptor> found = called(entries, choice.ref);
    if (found.empty()) return none_called(choice.ref, layout_index_file, names_of(entries));
    if (found.size() > 1) return several(layout_index_file, names_of(found));
    return found.front();
  }
  std::vector<Descriptor> images;
  for (const Descriptor& entry : without_repeated(entries))
    if (!walk.is_about_another(entry)) images.push_back(entry);
  // A layout of nothing but a signature is there to be imported too.
  if (images.empty()) images = entries;
  if (images.size() == 1) return images.front();
  if (const auto found = called(images, choice.target); found.size() == 1) return found.front();
  if (images.empty())
    return Error(ErrorCode::not_found, std::string(layout_index_file) + " names no image");
  return several(layout_index_file, names_of(images));
}

Result<ImportPlan> plan_layout(const LayoutContents& contents, const ImportChoice& choice) {
  const std::string* version = contents.document(layout_version_file);
  const std::string* index = contents.document(layout_index_file);
  if (version == nullptr || index == nullptr)
    return Error(ErrorCode::invalid_argument,
                 slipway::format("an OCI image layout has {} and {}; {} is missing",
                                 layout_version_file, layout_index_file,
                                 version == nullptr ? layout_version_file : layout_index_file));
  if (auto fits = check_layout_version(*version); !fits)
    return fits.error().in(layout_version_file);
  auto entries = parse_layout_index(*index);
  if (!entries) return entries.error().in(layout_index_file);

  LayoutWalk walk(contents, choice.sparse);
  SLIPWAY_TRY(const Descriptor root, choose(walk, *entries, choice));
  return walk.plan(root, *entries);
}

// ---- a Docker archive ----

Result<DockerArchiveImage> choose(std::vector<DockerArchiveImage> images,
                                  const ImportChoice& choice) {
  std::vector<std::string> names;
  for (const DockerArchiveImage& image : images)
    names.push_back(image.tags.empty() ? image.config : image.tags.front());
  const auto has = [](const DockerArchiveImage& image, const std::string& ref) {
    return image.config == ref ||
           std::find(image.tags.begin(), image.tags.end(), ref) != image.tags.end();
  };
  if (!choice.ref.empty()) {
    for (DockerArchiveImage& image : images)
      if (has(image, choice.ref)) return std::move(image);
    return none_called(choice.ref, docker_archive_file, names);
  }
  if (images.empty())
    return Error(ErrorCode::not_found, std::string(docker_archive_file) + " names no image");
  if (images.size() > 1) return several(docker_archive_file, names);
  return std::move(images.front());
}

Result<ImportPlan> plan_docker(const LayoutContents& contents, const std::string& document,
                               const ImportChoice& choice) {
  auto images = parse_docker_archive(document);
  if (!images) return images.error().in(docker_archive_file);
  SLIPWAY_TRY(const DockerArchiveImage image, choose(std::move(*images), choice));
  const auto find = [&](std::string_view name) -> Result<std::string> {
    auto file = contents.find(name);
    return file ? std::move(file) : file.error().in(docker_archive_file);
  };

  ImportPlan plan;
  plan.docker.emplace();
  SLIPWAY_TRY(plan.docker->config, find(image.config));
  const std::string* bytes = contents.document(image.config);
  if (bytes == nullptr)
    return Error(ErrorCode::invalid_argument, quoted_entry(image.config) + " is no image config");
  auto config = parse_image_config(*bytes);
  if (!config) return config.error().in(image.config);
  plan.docker->diff_ids = std::move(config->diff_ids);
  if (plan.docker->diff_ids.size() != image.layers.size())
    return Error(ErrorCode::invalid_argument,
                 slipway::format("{} has {} layers, but its config {} has {}", docker_archive_file,
                                 image.layers.size(), image.config, plan.docker->diff_ids.size()));

  std::map<std::string, ImportPlan::Blob> blobs;
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    SLIPWAY_TRY(std::string file, find(image.layers[i]));
    const LayoutFile& found = contents.files.find(file)->second;
    ImportPlan::Blob blob{file, found.size, found.compression, std::nullopt};
    if (blob.compression == Compression::none) blob.digest = plan.docker->diff_ids[i];
    const auto [known, added] = blobs.emplace(file, blob);
    if (!added && known->second.digest != blob.digest)
      return Error(ErrorCode::digest_mismatch,
                   slipway::format("{} is two layers with different digests in {}",
                                   quoted_entry(file), image.config));
    plan.docker->layers.push_back(std::move(file));
  }
  for (auto& [file, blob] : blobs) plan.blobs.push_back(std::move(blob));
  return plan;
}

/// What OCI's config has no members for, and its readers drop.
bool needs_dockers_format(std::string_view config) {
  const auto document = json::Document::parse(config);
  if (!document) return false;
  const json::Value execution = document->root().find("config");
  return execution.find("Healthcheck") || execution.find("OnBuild") || execution.find("Shell");
}

}  // namespace

Result<ImportPlan> plan_import(const LayoutContents& contents, const ImportChoice& choice) {
  const bool layout = contents.document(layout_version_file) != nullptr ||
                      contents.document(layout_index_file) != nullptr;
  if (layout) return plan_layout(contents, choice);
  if (const std::string* docker = contents.document(docker_archive_file))
    return plan_docker(contents, *docker, choice);
  return Error(ErrorCode::invalid_argument,
               slipway::format("it is neither an OCI image layout (with {} and {}) nor an archive "
                               "of docker save (with {})",
                               layout_version_file, layout_index_file, docker_archive_file));
}

DockerManifest make_docker_manifest(std::string_view config,
                                    const std::vector<SentLayer>& layers) {
  const bool zstd = std::any_of(layers.begin(), layers.end(), [](const SentLayer& layer) {
    return layer.compression == Compression::zstd;
  });
  const bool oci = zstd || !needs_dockers_format(config);
  const auto type_of = [oci](Compression compression) {
    switch (compression) {
      case Compression::gzip:
        return oci ? media_type::oci_layer_gzip : docker_layer_gzip;
      case Compression::zstd: return media_type::oci_layer_zstd;
      case Compression::none: break;
    }
    return oci ? media_type::oci_layer : docker_layer;
  };
  const auto describe = [](std::string_view type, const Digest& digest, std::uint64_t size) {
    return Descriptor{std::string(type), digest, size, {}, {}, {}, {}};
  };
  Manifest manifest;
  manifest.media_type = oci ? media_type::oci_manifest : media_type::docker_manifest;
  manifest.config = describe(oci ? media_type::oci_config : media_type::docker_config,
                             digest_of(config), config.size());
  manifest.artifact_type = manifest.config->media_type;
  for (const SentLayer& layer : layers)
    manifest.layers.push_back(describe(type_of(layer.compression), layer.digest, layer.size));
  return {to_json(manifest), oci ? media_type::oci_manifest : media_type::docker_manifest};
}

}  // namespace slipway
