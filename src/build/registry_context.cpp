#include <slipway/build/registry_context.hpp>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <slipway/image/manifest.hpp>

#include "support/format.hpp"

namespace slipway {
namespace {

/// RFC 1952 section 2.3.1 and RFC 8878 section 3.1.1; a tar has a file's name there.
std::string_view type_of(std::string_view beginning) {
  if (beginning.starts_with("\x1F\x8B")) return "application/gzip";
  if (beginning.starts_with("\x28\xB5\x2F\xFD")) return "application/zstd";
  return "application/x-tar";
}

Result<std::string> beginning_of(const Blob& blob) {
  if (const auto* bytes = std::get_if<std::string>(&blob.content)) return bytes->substr(0, 4);
  std::array<std::byte, 4> buffer{};
  SLIPWAY_TRY(const std::size_t size,
              std::get<std::shared_ptr<const Object>>(blob.content)->read_at(0, buffer));
  return std::string(reinterpret_cast<const char*>(buffer.data()), size);
}

/// nullopt: there is no manifest of this digest.
Result<std::optional<Digest>> only_layer(Registry& registry, const RepositoryName& repository,
                                         const Digest& digest) {
  std::string bytes;
  const auto info = registry.read_manifest(repository, Reference(digest), bytes);
  if (!info && info.error().code == ErrorCode::not_found) return std::optional<Digest>();
  if (!info) return info.error();
  SLIPWAY_TRY(const Manifest manifest, parse_manifest(bytes, info->media_type));
  const auto refused = [&](std::string_view what) {
    return Error(ErrorCode::invalid_argument,
                 slipway::format("{}@{} {}", repository.str(), digest.to_string(), what));
  };
  if (manifest.is_index())
    return refused("is an index; a context is one tar: name one of the manifests in it");
  if (manifest.layers.size() != 1)
    return refused(slipway::format(
        "has {} layers; a context is one tar: push the folder as an artifact of one layer",
        manifest.layers.size()));
  return std::optional(manifest.layers.front().digest);
}

}  // namespace

Result<ContextSource> find_context(Registry& registry, const RepositoryName& repository,
                                   const Digest& digest) {
  SLIPWAY_TRY(const auto layer, only_layer(registry, repository, digest));
  const auto blob = registry.open_blob(repository, layer.value_or(digest));
  if (!blob && blob.error().code == ErrorCode::not_found && !layer)
    return Error(ErrorCode::not_found,
                 slipway::format("there is neither a blob nor a manifest {} in repository {}",
                                 digest.to_string(), repository.str()));
  if (!blob) return blob.error();
  SLIPWAY_TRY(const std::string beginning, beginning_of(*blob));
  ContextSource source{layer.value_or(digest), std::string(type_of(beginning))};
  source.repository = repository;
  if (layer) source.manifest = digest;
  return source;
}

}  // namespace slipway
