// `slipway image inspect`.
#include <slipway/core/media_type.hpp>

#include <charconv>
#include <optional>

#include "json/writer.hpp"
#include "program/api_client.hpp"
#include "program/image_commands.hpp"
#include "program/image_name.hpp"
#include "program/image_report.hpp"
#include "transfer/layer_files.hpp"

namespace slipway {
namespace {

/// A list of a layer's files ends here; an image's own layers are far below.
constexpr TarLimits listing_limits{.entries = 1'000'000, .bytes = std::uint64_t{256} << 30U};

struct InspectOptions {
  ClientOptions client;
  std::string image;
  std::string platform;
  std::string layer;
  bool files = false;
};

Result<std::string> read_whole_blob(const RegistryClient& registry, const Descriptor& blob) {
  std::string bytes;
  SLIPWAY_CHECK(registry.read_blob(blob.digest, blob.size,
                                   [&bytes](std::span<const std::byte> more) -> Result<void> {
                                     bytes.append(reinterpret_cast<const char*>(more.data()),
                                                  more.size());
                                     return {};
                                   }));
  return bytes;
}

/// An artifact's config is anything, often nothing: it is not shown then.
Result<void> read_config(const RegistryClient& registry, ImageView& view) {
  if (!view.manifest.config || view.manifest.config->size > max_image_config_bytes) return {};
  const std::string_view type = view.manifest.config->media_type;
  if (type != media_type::oci_config && type != media_type::docker_config) return {};
  SLIPWAY_TRY(view.config_json, read_whole_blob(registry, *view.manifest.config));
  auto config = parse_image_config(view.config_json);
  if (config) view.config = std::move(*config);
  return {};
}

Result<ImageView> read_view(const RegistryClient& registry, const Reference& reference) {
  SLIPWAY_TRY(RegistryClient::Content content, registry.read_manifest(reference));
  SLIPWAY_TRY(Manifest manifest, parse_manifest(content.bytes, content.media_type));
  ImageView view{image_name(registry.repository(), reference),
                 std::move(content),
                 std::move(manifest),
                 std::nullopt,
                 {},
                 {}};
  SLIPWAY_CHECK(read_config(registry, view));
  SLIPWAY_TRY(view.referrers, registry.referrers(view.content.digest));
  return view;
}

/// The image of an index for a platform: "linux/arm64" fits "linux/arm64/v8" too.
Result<Digest> choose_platform(const Manifest& index, std::string_view platform) {
  std::string known;
  for (const Descriptor& child : index.manifests) {
    const std::string text = platform_text(child.platform);
    if (text == platform || text.starts_with(std::string(platform) + "/")) return child.digest;
    if (!text.empty()) known.append(known.empty() ? "" : ", ").append(text);
  }
  return Error(ErrorCode::not_found,
               slipway::format("the index has no image for {}; it has {}", platform, known));
}

/// By number from 1, or by digest. Errors: not_found.
Result<std::size_t> find_layer(const Manifest& manifest, const std::string& wanted) {
  const auto& layers = manifest.layers;
  for (std::size_t i = 0; i < layers.size(); ++i)
    if (layers[i].digest.to_string() == wanted) return i;
  std::size_t number = 0;
  const char* const end = wanted.data() + wanted.size();
  const auto [stop, failure] = std::from_chars(wanted.data(), end, number);
  if (failure == std::errc() && stop == end && number >= 1 && number <= layers.size())
    return number - 1;
  return Error(ErrorCode::not_found,
               slipway::format("the image has no layer \"{}\"; expected a number from 1 to {}, or a "
                               "layer's digest",
                               wanted, layers.size()));
}

/// Prints as it reads: a layer's list has no size that anybody knows before.
Result<void> print_files(const RegistryClient& registry, const Descriptor& layer, bool as_json) {
  constexpr std::size_t enough = std::size_t{64} * 1024;
  std::string out;
  bool first = true;
  auto listed = list_layer_files(
      registry.blob_source(layer.digest),
      [&](const TarEntry& entry) -> Result<void> {
        if (as_json) out.append(first ? "" : ",").append(file_json(entry));
        if (!as_json) out += file_text(entry);
        first = false;
        if (out.size() < enough) return {};
        print(out);
        out.clear();
        return {};
      },
      listing_limits);
  print(out);
  return listed ? Result<void>() : listed.error().in("layer " + layer.digest.to_string());
}

Result<void> print_layers(const RegistryClient& registry, const Manifest& manifest,
                          const InspectOptions& options) {
  if (manifest.is_index())
    return Error(ErrorCode::invalid_argument,
                 "an index has no layers; choose one of its images with --platform");
  std::size_t from = 0;
  std::size_t end = manifest.layers.size();
  if (!options.layer.empty()) {
    SLIPWAY_TRY(from, find_layer(manifest, options.layer));
    end = from + 1;
  }
  const bool json = options.client.json;
  if (json) print("{\"layers\":[");
  for (std::size_t i = from; i < end; ++i) {
    const std::string digest = manifest.layers[i].digest.to_string();
    if (json)
      print(slipway::format("{}{{\"digest\":\"{}\",\"files\":[", i == from ? "" : ",", digest));
    else if (options.layer.empty())
      print(slipway::format("{}layer {} {}\n", i == from ? "" : "\n", i + 1, digest));
    SLIPWAY_CHECK(print_files(registry, manifest.layers[i], json));
    if (json) print("]}");
  }
  if (json) print("]}\n");
  return {};
}

ExitStatus inspect(const InspectOptions& options) {
  const auto name = parse_image_name(options.image);
  if (!name) return report_wrong_usage(name.error().message);
  return with_client(options.client, [&](const ApiClient& client) -> Result<ExitStatus> {
    const RegistryClient registry = client.registry(name->repository);
    SLIPWAY_TRY(ImageView view, read_view(registry, name->reference_or_latest()));
    if (!options.platform.empty() && view.manifest.is_index()) {
      SLIPWAY_TRY(const Digest digest, choose_platform(view.manifest, options.platform));
      SLIPWAY_TRY(view, read_view(registry, digest));
    }
    if (options.files || !options.layer.empty()) {
      SLIPWAY_CHECK(print_layers(registry, view.manifest, options));
      return ExitStatus::done;
    }
    print(options.client.json ? image_json(view) + "\n" : image_text(view));
    return ExitStatus::done;
  });
}

}  // namespace

void add_image_inspect_command(CLI::App& group, Command& command) {
  const auto [app, options] = add_command(
      group, "inspect", "What an image is made of, and what refers to it", command, inspect);
  app->add_option("IMAGE", options->image, "REPO:TAG or REPO@DIGEST")->required();
  app->add_option("--platform", options->platform, "Of an index, the image for this platform")
      ->type_name("OS/ARCH");
  app->add_option("--layer", options->layer,
                  "Only the files of this layer, by number from 1 or by digest")
      ->type_name("N|DIGEST");
  app->add_flag("--files", options->files, "Only the files of all layers");
  add_client_options(*app, options->client);
}

}  // namespace slipway
