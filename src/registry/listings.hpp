// Lists: tags of a repository, repositories, referrers of a manifest, each a page at a time.
//
// Thread safety: any thread; each call reads one snapshot.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include <slipway/registry/registry.hpp>

namespace slipway {

// As Registry's members of these names.
Result<TagPage> list_tags(MetadataStore& metadata, const RepositoryName& repository,
                          std::string_view last, std::size_t limit);
Result<RepositoryPage> list_repositories(MetadataStore& metadata, std::string_view prefix,
                                         std::string_view last, std::size_t limit);
Result<ReferrerPage> list_referrers(MetadataStore& metadata, const RepositoryName& repository,
                                    const Digest& subject, std::string_view artifact_type,
                                    const std::optional<Digest>& last, std::size_t limit);

/// At most `limit` repositories that hold a blob or manifest with this digest.
Result<std::vector<std::string>> list_holders(MetadataStore& metadata, const Digest& content,
                                              std::size_t limit);

}  // namespace slipway
