// From an entry of index.json to all manifests and blobs that it needs, each checked to be there.
//
// Thread safety: none.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include <slipway/core/descriptor.hpp>
#include <slipway/core/result.hpp>
#include <slipway/image/manifest.hpp>

#include "transfer/import_plan.hpp"

namespace slipway {

class LayoutWalk {
 public:
  /// `sparse`: an index may name manifests that are not there.
  LayoutWalk(const LayoutContents& contents, bool sparse) : contents_(contents), sparse_(sparse) {}

  /// Is it a referrer, or an index of the referrers tag schema?
  [[nodiscard]] bool is_about_another(const Descriptor& entry) const;

  /// Errors: as plan_import.
  Result<ImportPlan> plan(const Descriptor& root, const std::vector<Descriptor>& entries);

 private:
  /// The manifest that a descriptor names, parsed. nullopt: it is there and is no manifest.
  Result<std::optional<Manifest>> read(const Descriptor& descriptor, std::string_view named_by) const;
  Result<void> add(const Descriptor& descriptor, std::string_view named_by, unsigned depth);
  Result<void> add_blob(const Descriptor& descriptor, std::string_view named_by);
  Result<void> add_referrers(const std::vector<Descriptor>& entries);
  /// Manifests with a subject among what index.json names, directly or by an index of referrers.
  [[nodiscard]] std::map<Digest, std::vector<Descriptor>> referrers_by_subject(
      const std::vector<Descriptor>& entries) const;

  const LayoutContents& contents_;
  const bool sparse_;
  std::set<Digest> added_;  // manifests
  std::vector<ImportPlan::Manifest> manifests_;
  std::map<Digest, ImportPlan::Blob> blobs_;
};

}  // namespace slipway
