// Manifests and tags: checked, stored, found and removed, each change in one transaction.
//
// Thread safety: any thread.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/image/manifest.hpp>
#include <slipway/registry/registry.hpp>

#include "registry/rows.hpp"

namespace slipway {

class Manifests {
 public:
  Manifests(BlobStore& blobs, Clock& clock, const RegistryOptions& options)
      : blobs_(blobs), clock_(clock), options_(options) {}

  // As Registry's members of these names.
  Result<ManifestInfo> stat_manifest(const RepositoryName& repository, const Reference& reference);
  Result<std::optional<ManifestInfo>> lease_manifest(const RepositoryName& repository,
                                                     const Reference& reference);
  Result<ManifestInfo> renew_manifest(const RepositoryName& repository, const Reference& reference);
  Result<ManifestInfo> read_manifest(const RepositoryName& repository, const Reference& reference,
                                     std::string& bytes);
  Result<Registry::PutManifest> put_manifest(const RepositoryName& repository,
                                             const Reference& reference, std::string_view bytes,
                                             std::string_view content_type,
                                             const WriteGuard& guard,
                                             std::span<const Tag> more_tags);
  Result<void> put_tag(WriteTransaction& transaction, const RepositoryName& repository,
                       const Tag& tag, const Digest& manifest);
  Result<void> delete_manifest(const RepositoryName& repository, const Reference& reference,
                               const WriteGuard& guard);

 private:
  struct Incoming;

  /// The manifest that a reference means. Errors: not_found, io, corrupt.
  static Result<Digest> resolve(const ReadView& view, const RepositoryName& repository,
                                const Reference& reference);
  /// Errors: not_found, io, corrupt.
  static Result<ManifestInfo> stat(const ReadView& view, const RepositoryName& repository,
                                   const Digest& digest);

  Result<Incoming> read_incoming(const Reference& reference, std::string_view bytes,
                                 std::string_view content_type) const;
  /// What it names is here, as large as it says. Errors: not_found, invalid_argument, io, corrupt.
  Result<void> check_named(const ReadView& view, const RepositoryName& repository,
                           const Incoming& incoming) const;
  Result<void> store(WriteTransaction& transaction, const RepositoryName& repository,
                     const Incoming& incoming, std::string_view bytes) const;
  Result<void> move_tag(WriteTransaction& transaction, const RepositoryName& repository,
                        const Tag& tag, const Digest& manifest) const;

  BlobStore& blobs_;
  Clock& clock_;
  const RegistryOptions options_;
};

}  // namespace slipway
