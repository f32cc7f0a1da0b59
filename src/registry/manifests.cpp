#include "registry/manifests.hpp"

#include <algorithm>
#include <utility>

#include <slipway/support/hasher.hpp>

#include "storage/totals.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

Error no_manifest(const RepositoryName& repository, const Reference& reference) {
  return Error(ErrorCode::not_found,
               slipway::format("there is no manifest {} in repository {}", to_string(reference),
                               repository.str()));
}

/// Of a manifest that the repository has and the store has not.
Error lost_manifest(const RepositoryName& repository, const Digest& digest) {
  return Error(ErrorCode::not_found,
               slipway::format("manifest {} of repository {} was found damaged and is in "
                               "quarantine; push it again",
                               digest.to_string(), repository.str()));
}

/// All that a manifest names but its subject, each once.
std::vector<Digest> named_digests(const Manifest& manifest) {
  std::vector<Digest> named;
  if (manifest.config) named.push_back(manifest.config->digest);
  for (const Descriptor& layer : manifest.layers) named.push_back(layer.digest);
  for (const Descriptor& child : manifest.manifests) named.push_back(child.digest);
  std::sort(named.begin(), named.end());
  named.erase(std::unique(named.begin(), named.end()), named.end());
  return named;
}

/// Fills `bytes` from a blob wherever it lies.
Result<void> read_all(const Blob& blob, std::string& bytes) {
  if (const auto* text = std::get_if<std::string>(&blob.content)) {
    bytes = *text;
    return {};
  }
  const auto& object = std::get<std::shared_ptr<const Object>>(blob.content);
  bytes.resize(static_cast<std::size_t>(blob.info.size));
  SLIPWAY_TRY(const std::size_t count,
              object->read_at(0, std::as_writable_bytes(std::span(bytes))));
  if (count == bytes.size()) return {};
  return Error(ErrorCode::corrupt, "manifest " + blob.info.digest.to_string() +
                                       ": its object is shorter than it was");
}

Error wrong_size(std::string_view what, const Descriptor& descriptor, std::uint64_t actual) {
  return Error(ErrorCode::invalid_argument,
               slipway::format("{} ({}) has {} bytes, not the {} that the manifest says", what,
                               descriptor.digest.to_string(), actual, descriptor.size));
}

}  // namespace

struct Manifests::Incoming {
  Digest digest;
  Manifest manifest;
  std::vector<Digest> named;

  [[nodiscard]] Error in_context(const Error& error) const {
    return error.in("manifest " + digest.to_string());
  }
};

Result<Digest> Manifests::resolve(const ReadView& view, const RepositoryName& repository,
                                  const Reference& reference) {
  if (const auto* digest = std::get_if<Digest>(&reference)) return *digest;
  SLIPWAY_TRY(const auto row, view.get(rows::tag(repository, std::get<Tag>(reference).str())));
  if (!row) return no_manifest(repository, reference);
  return Digest::from_binary(*row);
}

Result<ManifestInfo> Manifests::stat(const ReadView& view, const RepositoryName& repository,
                                     const Digest& digest) {
  SLIPWAY_TRY(const auto value, view.get(rows::manifest(repository, digest)));
  if (!value) return no_manifest(repository, digest);
  SLIPWAY_TRY(const rows::ManifestRow row, rows::decode_head(*value));
  return ManifestInfo{digest, std::string(row.media_type), row.size};
}

Result<ManifestInfo> Manifests::stat_manifest(const RepositoryName& repository,
                                              const Reference& reference) {
  SLIPWAY_TRY(const auto view, blobs_.metadata().snapshot());
  SLIPWAY_TRY(const Digest digest, resolve(*view, repository, reference));
  SLIPWAY_TRY(const ManifestInfo info, stat(*view, repository, digest));
  SLIPWAY_TRY(const auto stored, blobs_.find(*view, digest));
  if (!stored) return lost_manifest(repository, digest);
  return info;
}

Result<std::optional<ManifestInfo>> Manifests::lease_manifest(const RepositoryName& repository,
                                                              const Reference& reference) {
  SLIPWAY_TRY(const auto view, blobs_.metadata().snapshot());
  SLIPWAY_TRY(const Digest digest, resolve(*view, repository, reference));
  SLIPWAY_TRY(const auto value, view->get(rows::manifest(repository, digest)));
  if (!value) return no_manifest(repository, reference);
  SLIPWAY_TRY(const rows::ManifestRow row, rows::decode_head(*value));
  const bool fresh = row.renewed_at && !options_.lease.due(*row.renewed_at, clock_.now());
  if (!fresh && !std::holds_alternative<Tag>(reference)) {
    SLIPWAY_TRY(const bool tagged, rows::any(*view, rows::about(key_space::tag_of_manifest,
                                                                repository, digest)));
    SLIPWAY_TRY(const bool named, rows::is_named(*view, repository, digest));
    if (!tagged && !named) return std::optional<ManifestInfo>();
  }
  SLIPWAY_TRY(const auto stored, blobs_.find(*view, digest));
  if (!stored) return lost_manifest(repository, digest);
  return std::optional(ManifestInfo{digest, std::string(row.media_type), row.size});
}

Result<ManifestInfo> Manifests::renew_manifest(const RepositoryName& repository,
                                               const Reference& reference) {
  std::optional<ManifestInfo> info;
  const auto renew = [&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_TRY(const Digest digest, resolve(transaction, repository, reference));
    SLIPWAY_TRY(info, stat(transaction, repository, digest));
    SLIPWAY_TRY(const auto stored, blobs_.find(transaction, digest));
    if (!stored) return lost_manifest(repository, digest);
    return rows::renew(transaction, repository, digest, options_.lease, clock_.now());
  };
  SLIPWAY_CHECK(blobs_.metadata().write(renew));
  return std::move(*info);
}

Result<ManifestInfo> Manifests::read_manifest(const RepositoryName& repository,
                                              const Reference& reference, std::string& bytes) {
  SLIPWAY_TRY(const auto view, blobs_.metadata().snapshot());
  SLIPWAY_TRY(const Digest digest, resolve(*view, repository, reference));
  SLIPWAY_TRY(ManifestInfo info, stat(*view, repository, digest));
  SLIPWAY_TRY(const auto content, blobs_.inline_bytes(*view, digest));
  if (content) {
    bytes.assign(*content);
    return info;
  }
  auto blob = blobs_.open(*view, digest);
  if (!blob && blob.error().code == ErrorCode::not_found)
    return lost_manifest(repository, digest);
  if (!blob) return std::move(blob).error();
  SLIPWAY_CHECK(read_all(*blob, bytes));
  return info;
}

Result<Manifests::Incoming> Manifests::read_incoming(const Reference& reference,
                                                     std::string_view bytes,
                                                     std::string_view content_type) const {
  if (bytes.size() > options_.max_manifest_bytes)
    return Error(ErrorCode::too_large,
                 slipway::format("the manifest has {} bytes; at most {} are taken", bytes.size(),
                                 options_.max_manifest_bytes));
  const auto* expected = std::get_if<Digest>(&reference);
  const Digest digest =
      digest_of(bytes, expected != nullptr ? expected->algorithm() : DigestAlgorithm::sha256);
  auto parsed = parse_manifest(bytes, content_type);
  // A signed manifest of schema 1 is pushed by the digest of what was signed, which is not all of it.
  const bool is_schema1 = !parsed && parsed.error().code == ErrorCode::unsupported;
  if (expected != nullptr && *expected != digest && !is_schema1)
    return Error(ErrorCode::digest_mismatch,
                 slipway::format("the manifest's bytes are {}, not {} as the request says",
                                 digest.to_string(), expected->to_string()));
  SLIPWAY_TRY(Manifest manifest, std::move(parsed));
  std::vector<Digest> named = named_digests(manifest);
  return Incoming{digest, std::move(manifest), std::move(named)};
}

Result<void> Manifests::check_named(const ReadView& view, const RepositoryName& repository,
                                    const Incoming& incoming) const {
  const auto check_blob = [&](const Descriptor& descriptor,
                              const std::string& what) -> Result<void> {
    SLIPWAY_TRY(auto blob, rows::find_blob(view, repository, descriptor.digest));
    if (blob) {
      SLIPWAY_TRY(const auto stored, blobs_.find(view, descriptor.digest));
      if (!stored) blob.reset();  // in quarantine
    }
    if (blob && blob->size != descriptor.size)
      return wrong_size(what, descriptor, blob->size);
    if (blob || options_.sparse_images || !descriptor.urls.empty()) return {};
    return Error(ErrorCode::not_found,
                 slipway::format("{} ({}) is not in repository {}; push the blob first or mount it",
                                 what, descriptor.digest.to_string(), repository.str()));
  };

  if (incoming.manifest.config) SLIPWAY_CHECK(check_blob(*incoming.manifest.config, "its config"));
  std::size_t number = 0;
  for (const Descriptor& layer : incoming.manifest.layers)
    SLIPWAY_CHECK(check_blob(layer, slipway::format("layer {}", ++number)));
  for (const Descriptor& child : incoming.manifest.manifests) {
    SLIPWAY_TRY(const auto value, view.get(rows::manifest(repository, child.digest)));
    if (!value) continue;
    SLIPWAY_TRY(const rows::ManifestRow row, rows::decode_head(*value));
    if (row.size != child.size) return wrong_size("its child", child, row.size);
  }
  return {};
}

Result<void> Manifests::store(WriteTransaction& transaction, const RepositoryName& repository,
                              const Incoming& incoming, std::string_view bytes) const {
  const Digest& digest = incoming.digest;
  const Manifest& manifest = incoming.manifest;
  const auto subject = manifest.subject ? std::optional(manifest.subject->digest) : std::nullopt;
  const Timestamp now = clock_.now();
  rows::ManifestRow row{bytes.size(), manifest.media_type, subject, incoming.named, {}};
  const rows::Key key = rows::manifest(repository, digest);
  SLIPWAY_TRY(const auto present, transaction.get(key));
  if (present) {
    SLIPWAY_TRY(const rows::ManifestRow before, rows::decode_head(*present));
    row.renewed_at = before.renewed_at;
    if (rows::encode(row) == *present) {
      SLIPWAY_TRY(const auto stored, blobs_.find(transaction, digest));
      if (!stored) SLIPWAY_CHECK(blobs_.put(transaction, digest, bytes));  // it was in quarantine
      return rows::renew(transaction, repository, digest, options_.lease, now);
    }
  } else {
    SLIPWAY_CHECK(totals::add(transaction, totals::manifests, 1));
  }

  row.renewed_at = now;
  SLIPWAY_CHECK(rows::add_repository(transaction, repository, now));
  SLIPWAY_CHECK(blobs_.put(transaction, digest, bytes));
  SLIPWAY_CHECK(transaction.put(key, rows::encode(row)));
  SLIPWAY_CHECK(transaction.put(rows::content_holder(digest, repository.str()), {}));
  for (const Digest& named : incoming.named)
    SLIPWAY_CHECK(transaction.put(rows::named_by(repository, named, digest), {}));
  if (!subject) return {};
  const Descriptor descriptor{.media_type = manifest.media_type,
                              .digest = digest,
                              .size = bytes.size(),
                              .artifact_type = manifest.artifact_type,
                              .annotations = manifest.annotations,
                              .platform = {},
                              .urls = {}};
  return transaction.put(rows::referrer(repository, *subject, digest), to_json(descriptor));
}

Result<Registry::PutManifest> Manifests::put_manifest(
    const RepositoryName& repository, const Reference& reference, std::string_view bytes,
    std::string_view content_type, const WriteGuard& guard, std::span<const Tag> more_tags) {
  SLIPWAY_TRY(const Incoming incoming, read_incoming(reference, bytes, content_type));
  const auto write = [&](WriteTransaction& transaction) -> Result<void> {
    if (guard) SLIPWAY_CHECK(guard(transaction));
    const Result<void> checked = check_named(transaction, repository, incoming);
    if (!checked) return incoming.in_context(checked.error());
    SLIPWAY_CHECK(store(transaction, repository, incoming, bytes));
    if (const auto* tag = std::get_if<Tag>(&reference))
      SLIPWAY_CHECK(move_tag(transaction, repository, *tag, incoming.digest));
    for (const Tag& tag : more_tags)
      SLIPWAY_CHECK(move_tag(transaction, repository, tag, incoming.digest));
    return {};
  };
  SLIPWAY_CHECK(blobs_.metadata().write(write));

  const Manifest& manifest = incoming.manifest;
  return Registry::PutManifest{
      {incoming.digest, manifest.media_type, bytes.size()},
      manifest.subject ? std::optional(manifest.subject->digest) : std::nullopt};
}

Result<void> Manifests::put_tag(WriteTransaction& transaction, const RepositoryName& repository,
                                const Tag& tag, const Digest& manifest) {
  SLIPWAY_TRY(const auto row, transaction.get(rows::manifest(repository, manifest)));
  if (!row) return no_manifest(repository, manifest);
  return move_tag(transaction, repository, tag, manifest);
}

Result<void> Manifests::move_tag(WriteTransaction& transaction, const RepositoryName& repository,
                                 const Tag& tag, const Digest& manifest) const {
  return rows::move_tag(transaction, repository, tag.str(), manifest, options_.lease,
                        clock_.now());
}

Result<void> Manifests::delete_manifest(const RepositoryName& repository,
                                        const Reference& reference, const WriteGuard& guard) {
  return blobs_.metadata().write([&](WriteTransaction& transaction) -> Result<void> {
    if (guard) SLIPWAY_CHECK(guard(transaction));
    SLIPWAY_TRY(const Digest digest, resolve(transaction, repository, reference));
    const Timestamp now = clock_.now();
    if (const auto* tag = std::get_if<Tag>(&reference))
      return rows::erase_tag(transaction, repository, tag->str(), digest, options_.lease, now);
    SLIPWAY_TRY(const auto erased, rows::erase_manifest(transaction, repository, digest,
                                                        options_.lease, now));
    if (!erased) return no_manifest(repository, digest);
    return {};
  });
}

}  // namespace slipway
