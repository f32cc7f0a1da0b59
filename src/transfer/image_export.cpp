#include "transfer/image_export.hpp"

#include <slipway/core/media_type.hpp>
#include <slipway/image/manifest.hpp>

#include <map>
#include <utility>
#include <vector>

#include "image/image_layout.hpp"
#include "support/format.hpp"
#include "transfer/layout_contents.hpp"

namespace slipway {
namespace {

constexpr unsigned deepest = 8;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

bool is_manifest(std::string_view type) {
  return media_type::is_image_manifest(type) || media_type::is_image_index(type);
}

class Export {
 public:
  Export(const RegistryClient& registry, LayoutWriter& writer, TransferEvents& events)
      : registry_(registry), writer_(writer), events_(events) {}

  Result<ExportSummary> run(const Reference& reference, const ExportOptions& options);

 private:
  /// Keeps a manifest and finds what it names.
  Result<Descriptor> add(RegistryClient::Content content, unsigned depth);
  Result<void> add_child(const Descriptor& child, unsigned depth);
  Result<std::vector<Descriptor>> add_referrers();
  Result<void> write_file(const std::string& name, std::string_view bytes);
  Result<void> write_blobs();
  Result<void> write_blob(const Digest& digest, std::uint64_t size, bool elsewhere);

  struct Blob {
    std::uint64_t size = 0;
    bool elsewhere = false;  // it has URLs, and need not be here
  };

  const RegistryClient& registry_;
  LayoutWriter& writer_;
  TransferEvents& events_;
  std::map<Digest, std::string> manifests_;  // bytes
  std::vector<Digest> order_;                // of manifests_, as they were found
  std::size_t manifest_bytes_ = 0;
  std::map<Digest, Blob> blobs_;
  std::uint64_t missing_ = 0;
};

Result<Descriptor> Export::add(RegistryClient::Content content, unsigned depth) {
  Descriptor descriptor{content.media_type, content.digest, content.bytes.size(), {}, {}, {}, {}};
  if (manifests_.contains(content.digest)) return descriptor;
  const std::string name = "manifest " + content.digest.to_string();
  manifest_bytes_ += content.bytes.size();
  if (manifest_bytes_ > most_document_bytes)
    return Error(ErrorCode::too_large, slipway::format("the image's manifests have more than {} bytes",
                                                       most_document_bytes));
  if (depth > deepest)
    return Error(ErrorCode::too_large,
                 slipway::format("{}: indexes are nested deeper than {} levels", name, deepest));
  auto manifest = parse_manifest(content.bytes, content.media_type);
  if (!manifest) return manifest.error().in(name);
  manifests_.emplace(content.digest, std::move(content.bytes));
  order_.push_back(content.digest);
  for (const Descriptor& child : manifest->manifests) SLIPWAY_CHECK(add_child(child, depth + 1));
  if (manifest->config) manifest->layers.push_back(*manifest->config);
  for (const Descriptor& blob : manifest->layers)
    blobs_.emplace(blob.digest, Blob{blob.size, !blob.urls.empty()});
  descriptor.artifact_type =
      manifest->subject || !manifest->config ? manifest->artifact_type : std::string();
  return descriptor;
}

Result<void> Export::add_child(const Descriptor& child, unsigned depth) {
  if (!is_manifest(child.media_type)) {
    blobs_.emplace(child.digest, Blob{child.size, !child.urls.empty()});
    return {};
  }
  auto content = registry_.read_manifest(child.digest);
  if (!content && content.error().code == ErrorCode::not_found) {
    ++missing_;
    return {};
  }
  if (!content) return content.error();
  SLIPWAY_CHECK(add(std::move(*content), depth));
  return {};
}

Result<std::vector<Descriptor>> Export::add_referrers() {
  std::map<Digest, Descriptor> found;
  for (std::size_t i = 0; i < order_.size(); ++i) {
    SLIPWAY_TRY(const std::vector<Descriptor> referrers, registry_.referrers(order_[i]));
    for (const Descriptor& referrer : referrers) {
      SLIPWAY_TRY(RegistryClient::Content content, registry_.read_manifest(referrer.digest));
      SLIPWAY_CHECK(add(std::move(content), 0));
      found.emplace(referrer.digest, referrer);
    }
  }
  std::vector<Descriptor> all;
  for (auto& [digest, referrer] : found) all.push_back(std::move(referrer));
  return all;
}

Result<void> Export::write_file(const std::string& name, std::string_view bytes) {
  SLIPWAY_CHECK(writer_.begin_file(name, bytes.size()));
  return writer_.write(bytes_of(bytes));
}

Result<void> Export::write_blob(const Digest& digest, std::uint64_t size, bool elsewhere) {
  // A blob that may be elsewhere is asked for first: a tar's entry cannot be taken back.
  if (elsewhere) {
    std::byte one{};
    if (const auto there = registry_.blob_source(digest)(std::span(&one, 1)); !there) {
      if (there.error().code == ErrorCode::not_found) return {};
      return there.error();
    }
  }
  SLIPWAY_CHECK(writer_.begin_file(layout_blob_path(digest), size));
  SLIPWAY_CHECK(
      registry_.read_blob(digest, size, [this](std::span<const std::byte> bytes) -> Result<void> {
        events_.moved(bytes.size());
        return writer_.write(bytes);
      }));
  events_.done(digest.to_string(), size, TransferEvents::Blob::received);
  return {};
}

/// Digests ascend as their paths do.
Result<void> Export::write_blobs() {
  auto blob = blobs_.begin();
  auto manifest = manifests_.begin();
  while (blob != blobs_.end() || manifest != manifests_.end()) {
    if (manifest == manifests_.end() || (blob != blobs_.end() && blob->first < manifest->first)) {
      SLIPWAY_CHECK(write_blob(blob->first, blob->second.size, blob->second.elsewhere));
      ++blob;
      continue;
    }
    SLIPWAY_CHECK(write_file(layout_blob_path(manifest->first), manifest->second));
    ++manifest;
  }
  return {};
}

Result<ExportSummary> Export::run(const Reference& reference, const ExportOptions& options) {
  SLIPWAY_TRY(RegistryClient::Content content, registry_.read_manifest(reference));
  SLIPWAY_TRY(Descriptor image, add(std::move(content), 0));
  if (std::holds_alternative<Tag>(reference)) set_layout_ref_name(image, to_string(reference));
  std::vector<Descriptor> entries{image};
  if (options.referrers) {
    SLIPWAY_TRY(const std::vector<Descriptor> referrers, add_referrers());
    entries.insert(entries.end(), referrers.begin(), referrers.end());
  }
  for (const auto& [digest, bytes] : manifests_) blobs_.erase(digest);
  std::uint64_t total = 0;
  for (const auto& [digest, blob] : blobs_) total += blob.size;
  events_.planned(total);

  SLIPWAY_CHECK(write_blobs());
  SLIPWAY_CHECK(write_file(std::string(layout_index_file), layout_index_json(entries)));
  SLIPWAY_CHECK(write_file(std::string(layout_version_file), layout_version_json()));
  SLIPWAY_CHECK(writer_.finish());
  return ExportSummary{image.digest, image.media_type,  manifests_.size(),
                       blobs_.size(), total, missing_};
}

}  // namespace

Result<ExportSummary> export_image(const RegistryClient& registry, const Reference& reference,
                                   LayoutWriter& writer, const ExportOptions& options,
                                   TransferEvents& events) {
  return Export(registry, writer, events).run(reference, options);
}

}  // namespace slipway
