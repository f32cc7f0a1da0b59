#include "transfer/layout_walk.hpp"

#include <slipway/core/media_type.hpp>

#include <algorithm>
#include <optional>
#include <utility>

#include "image/image_layout.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

/// Indexes in indexes; nobody needs more.
constexpr unsigned deepest = 8;

/// "sha256-<hex>", perhaps with a suffix as cosign's ".sig".
bool is_referrers_tag(std::string_view name) {
  return name.starts_with("sha256-") || name.starts_with("sha512-");
}

Error wrong_size(const std::string& file, std::uint64_t size, const Descriptor& descriptor,
                 std::string_view named_by) {
  return Error(ErrorCode::invalid_argument,
               slipway::format("{} has {} bytes; {} says {}", file, size, named_by,
                               descriptor.size));
}

}  // namespace

Result<std::optional<Manifest>> LayoutWalk::read(const Descriptor& descriptor,
                                                 std::string_view named_by) const {
  const std::string name = layout_blob_path(descriptor.digest);
  auto file = contents_.find(name);
  if (!file) return file.error().in(named_by);
  const std::uint64_t size = contents_.files.find(*file)->second.size;
  if (size != descriptor.size) return wrong_size(name, size, descriptor, named_by);
  const bool manifest = media_type::is_image_manifest(descriptor.media_type) ||
                        media_type::is_image_index(descriptor.media_type) ||
                        media_type::is_docker_schema1(descriptor.media_type);
  const std::string* bytes = contents_.document(name);
  if (bytes == nullptr && !manifest) return std::optional<Manifest>();
  if (bytes == nullptr)
    return Error(ErrorCode::invalid_argument,
                 slipway::format("{}: {} is no manifest", named_by, name));
  auto parsed = parse_manifest(*bytes, manifest ? descriptor.media_type : "");
  if (!parsed) return parsed.error().in(name);
  return std::optional<Manifest>(std::move(*parsed));
}

bool LayoutWalk::is_about_another(const Descriptor& entry) const {
  if (is_referrers_tag(layout_ref_name(entry))) return true;
  const auto manifest = read(entry, layout_index_file);
  return manifest && *manifest && (*manifest)->subject;
}

Result<void> LayoutWalk::add(const Descriptor& descriptor, std::string_view named_by,
                             unsigned depth) {
  if (added_.contains(descriptor.digest)) return {};
  const std::string name = layout_blob_path(descriptor.digest);
  if (depth > deepest)
    return Error(ErrorCode::too_large,
                 slipway::format("{}: indexes are nested deeper than {} levels", name, deepest));
  SLIPWAY_TRY(const std::optional<Manifest> manifest, read(descriptor, named_by));
  if (!manifest) return add_blob(descriptor, named_by);
  added_.insert(descriptor.digest);
  for (const Descriptor& child : manifest->manifests) {
    if (sparse_ && !contents_.find(layout_blob_path(child.digest))) continue;
    SLIPWAY_CHECK(add(child, name, depth + 1));
  }
  if (manifest->config) SLIPWAY_CHECK(add_blob(*manifest->config, name));
  for (const Descriptor& layer : manifest->layers) SLIPWAY_CHECK(add_blob(layer, name));
  SLIPWAY_TRY(std::string file, contents_.find(name));
  manifests_.push_back({descriptor.digest, manifest->media_type, std::move(file)});
  return {};
}

Result<void> LayoutWalk::add_blob(const Descriptor& descriptor, std::string_view named_by) {
  const std::string name = layout_blob_path(descriptor.digest);
  auto file = contents_.find(name);
  // Layers that are fetched elsewhere need not be here: OCI image specification, "Descriptors".
  if (!file && !descriptor.urls.empty()) return {};
  if (!file) return file.error().in(named_by);
  const LayoutFile& found = contents_.files.find(*file)->second;
  if (found.size != descriptor.size) return wrong_size(name, found.size, descriptor, named_by);
  blobs_.emplace(descriptor.digest, ImportPlan::Blob{std::move(*file), found.size,
                                                     found.compression, descriptor.digest});
  return {};
}

std::map<Digest, std::vector<Descriptor>> LayoutWalk::referrers_by_subject(
    const std::vector<Descriptor>& entries) const {
  std::map<Digest, std::vector<Descriptor>> by_subject;
  std::set<Digest> seen;
  const auto consider = [&](const Descriptor& candidate) {
    if (!seen.insert(candidate.digest).second) return;
    const auto manifest = read(candidate, layout_index_file);
    if (manifest && *manifest && (*manifest)->subject)
      by_subject[(*manifest)->subject->digest].push_back(candidate);
  };
  for (const Descriptor& entry : entries) {
    consider(entry);
    if (!is_referrers_tag(layout_ref_name(entry))) continue;
    const auto index = read(entry, layout_index_file);
    if (!index || !*index) continue;
    for (const Descriptor& child : (*index)->manifests) consider(child);
  }
  return by_subject;
}

Result<void> LayoutWalk::add_referrers(const std::vector<Descriptor>& entries) {
  const auto by_subject = referrers_by_subject(entries);
  // Referrers have referrers: what is added here is looked at too.
  for (std::size_t i = 0; i < manifests_.size(); ++i) {
    const auto found = by_subject.find(manifests_[i].digest);
    if (found == by_subject.end()) continue;
    for (const Descriptor& referrer : found->second)
      SLIPWAY_CHECK(add(referrer, layout_index_file, 0));
  }
  return {};
}

Result<ImportPlan> LayoutWalk::plan(const Descriptor& root,
                                    const std::vector<Descriptor>& entries) {
  SLIPWAY_CHECK(add(root, layout_index_file, 0));
  if (manifests_.empty())
    return Error(ErrorCode::invalid_argument,
                 slipway::format("{}: {} is no manifest", layout_index_file,
                                 layout_blob_path(root.digest)));
  const std::ptrdiff_t image = std::ssize(manifests_) - 1;
  SLIPWAY_CHECK(add_referrers(entries));
  // The image itself goes last: whoever sees it sees all of it.
  std::rotate(manifests_.begin() + image, manifests_.begin() + image + 1, manifests_.end());
  ImportPlan plan;
  plan.manifests = std::move(manifests_);
  for (auto& [digest, blob] : blobs_) plan.blobs.push_back(std::move(blob));
  return plan;
}

}  // namespace slipway
