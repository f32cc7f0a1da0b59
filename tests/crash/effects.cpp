#include "tests/crash/effects.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include <slipway/auth/access_policy.hpp>

namespace slipway::crash {

namespace {

using Kind = Fact::Kind;
using Holders = std::vector<std::pair<Fact, Value>>;

Effect removal(Fact fact, std::chrono::milliseconds lease_of_it, Holders held_by) {
  return {std::move(fact), Value(), std::nullopt, Unless{lease_of_it, std::move(held_by)}};
}

/// A blob leaves a repository when no manifest there names it.
Effect blob_removal(const World& world, std::size_t blob, const std::string& repository) {
  Holders manifests;
  for (const Image& image : world.images())
    if (std::find(image.blobs.begin(), image.blobs.end(), blob) != image.blobs.end())
      manifests.push_back(
          {{Kind::manifest, repository, image.manifest.digest.to_string()}, present});
  return removal({Kind::blob, repository, world.blobs()[blob].digest.to_string()}, lease.promised,
                 std::move(manifests));
}

/// Bytes go when no repository holds them. Nobody was told of a lease of theirs.
Effect content_removal(const World& world, const Content& content, Kind kind) {
  const std::string digest = content.digest.to_string();
  Holders holders;
  for (const RepositoryName& repository : world.repositories())
    holders.push_back({{kind, repository.str(), digest}, present});
  return removal({Kind::content, "", digest}, {}, std::move(holders));
}

/// A repository goes when nothing is in it.
Effect repository_removal(const World& world, const std::string& repository) {
  Holders holders;
  for (const Content& blob : world.blobs())
    holders.push_back({{Kind::blob, repository, blob.digest.to_string()}, present});
  for (const Image& image : world.images())
    holders.push_back({{Kind::manifest, repository, image.manifest.digest.to_string()}, present});
  return removal({Kind::repository, repository, ""}, {}, std::move(holders));
}

void add_retention(const World& world, const std::string& repository, std::vector<Effect>& all) {
  const RetentionRule rule = retention_rule();
  if (!matches_repository(rule.repositories, repository)) return;
  // A tag's age is not renewed where that would change it by less than an eighth of a lease.
  const auto age = *rule.keep_for - lease.promised / 8;
  for (const Tag& tag : world.tags())
    if (rule.names_tag(tag.str()))
      all.push_back(removal({Kind::tag, repository, tag.str()}, age, {}));
  for (const Image& image : world.images()) {
    const std::string digest = image.manifest.digest.to_string();
    Holders tags;
    for (const Tag& tag : world.tags())
      tags.push_back({{Kind::tag, repository, tag.str()}, digest});
    all.push_back(
        removal({Kind::manifest, repository, digest}, *rule.untagged_after, std::move(tags)));
  }
}

}  // namespace

std::vector<Effect> effects_of_blob(const RepositoryName& repository, const Digest& digest) {
  return {{{Kind::repository, repository.str(), ""}, present},
          {{Kind::blob, repository.str(), digest.to_string()}, present},
          {{Kind::content, "", digest.to_string()}, present}};
}

std::vector<Effect> possible_removals(const World& world) {
  std::vector<Effect> all;
  for (const RepositoryName& repository : world.repositories()) {
    for (std::size_t blob = 0; blob < world.blobs().size(); ++blob)
      all.push_back(blob_removal(world, blob, repository.str()));
    all.push_back(repository_removal(world, repository.str()));
    add_retention(world, repository.str(), all);
  }
  for (const Content& blob : world.blobs())
    all.push_back(content_removal(world, blob, Kind::blob));
  for (const Image& image : world.images())
    all.push_back(content_removal(world, image.manifest, Kind::manifest));
  return all;
}

}  // namespace slipway::crash
