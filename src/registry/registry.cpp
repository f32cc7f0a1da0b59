#include <slipway/registry/registry.hpp>

#include <algorithm>
#include <utility>

#include "registry/listings.hpp"
#include "registry/manifests.hpp"
#include "registry/registry_totals.hpp"
#include "registry/rows.hpp"
#include "registry/uploads.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

Error no_blob(const RepositoryName& repository, const Digest& digest) {
  return Error(ErrorCode::not_found, slipway::format("there is no blob {} in repository {}",
                                                     digest.to_string(), repository.str()));
}

/// Of a blob that the repository has and the store has not.
Error lost_blob(const RepositoryName& repository, const Digest& digest) {
  return Error(ErrorCode::not_found,
               slipway::format("blob {} of repository {} was found damaged and is in quarantine; "
                               "push it again",
                               digest.to_string(), repository.str()));
}

class StoredRegistry final : public Registry {
 public:
  StoredRegistry(BlobStore& blobs, Clock& clock, const RegistryOptions& options, std::string key)
      : blobs_(blobs),
        metadata_(blobs.metadata()),
        clock_(clock),
        lease_(options.lease),
        uploads_(blobs, clock, options, std::move(key)),
        manifests_(blobs, clock, options) {}

  /// What has to be done before the first request.
  Result<void> open() {
    SLIPWAY_CHECK(count_what_was_not_counted(metadata_));
    return uploads_.discard_stages_of_earlier_processes();
  }

  std::string begin_upload(const RepositoryName& repository, DigestAlgorithm algorithm) override {
    return uploads_.begin_upload(repository, algorithm);
  }
  Result<void> check_upload(const RepositoryName& repository, std::string_view upload) override {
    return uploads_.check_upload(repository, upload);
  }
  Result<std::uint64_t> upload_size(const RepositoryName& repository,
                                    std::string_view upload) override {
    return uploads_.upload_size(repository, upload);
  }
  Result<std::unique_ptr<UploadWriter>> write_upload(const RepositoryName& repository,
                                                     std::string_view upload,
                                                     std::optional<std::uint64_t> offset) override {
    return uploads_.write_upload(repository, upload, offset);
  }
  Result<BlobInfo> upload_result(const RepositoryName& repository,
                                 std::string_view upload) override {
    return uploads_.upload_result(repository, upload);
  }
  Result<void> cancel_upload(const RepositoryName& repository, std::string_view upload) override {
    return uploads_.cancel_upload(repository, upload);
  }
  std::unique_ptr<UploadWriter> write_blob(const RepositoryName& repository,
                                           DigestAlgorithm algorithm) override {
    return uploads_.write_blob(repository, algorithm);
  }

  Result<BlobInfo> put_blob(const RepositoryName& repository, const Digest& digest,
                            std::string_view bytes, const WriteGuard& guard) override {
    const auto writer = write_blob(repository, digest.algorithm());
    SLIPWAY_CHECK(writer->append(std::as_bytes(std::span(bytes))));
    return writer->commit(digest, guard);
  }

  Result<BlobInfo> mount_blob(const RepositoryName& repository, const RepositoryName& from,
                              const Digest& digest, const WriteGuard& guard) override {
    std::optional<BlobInfo> blob;
    const auto mount = [&](WriteTransaction& transaction) -> Result<void> {
      if (guard) SLIPWAY_CHECK(guard(transaction));
      SLIPWAY_TRY(blob, rows::find_blob(transaction, from, digest));
      if (!blob) return no_blob(from, digest);
      SLIPWAY_CHECK(blobs_.renew(transaction, digest));
      return rows::link_blob(transaction, repository, *blob, clock_.now());
    };
    SLIPWAY_CHECK(metadata_.write(mount));
    return *blob;
  }

  Result<BlobInfo> stat_blob(const RepositoryName& repository, const Digest& digest) override {
    SLIPWAY_TRY(const auto view, metadata_.snapshot());
    SLIPWAY_TRY(const BlobInfo info, find(*view, repository, digest));
    SLIPWAY_TRY(const auto stored, blobs_.find(*view, digest));
    if (!stored) return lost_blob(repository, digest);
    return info;
  }

  Result<std::optional<BlobInfo>> lease_blob(const RepositoryName& repository,
                                             const Digest& digest) override {
    SLIPWAY_TRY(const auto view, metadata_.snapshot());
    SLIPWAY_TRY(const auto link, rows::find_link(*view, repository, digest));
    if (!link) return no_blob(repository, digest);
    if (lease_.due(link->renewed_at, clock_.now())) {
      SLIPWAY_TRY(const bool named, rows::is_named(*view, repository, digest));
      if (!named) return std::optional<BlobInfo>();
    }
    SLIPWAY_TRY(const auto stored, blobs_.find(*view, digest));
    if (!stored) return lost_blob(repository, digest);
    return std::optional(link->info);
  }

  Result<BlobInfo> renew_blob(const RepositoryName& repository, const Digest& digest) override {
    std::optional<BlobInfo> blob;
    const auto renew = [&](WriteTransaction& transaction) -> Result<void> {
      SLIPWAY_TRY(blob, rows::find_blob(transaction, repository, digest));
      if (!blob) return no_blob(repository, digest);
      SLIPWAY_TRY(const auto stored, blobs_.find(transaction, digest));
      if (!stored) return lost_blob(repository, digest);
      return rows::renew(transaction, repository, digest, lease_, clock_.now());
    };
    SLIPWAY_CHECK(metadata_.write(renew));
    return *blob;
  }

  Result<std::optional<BlobInfo>> read_small_blob(const RepositoryName& repository,
                                                  const Digest& digest,
                                                  std::string& bytes) override {
    SLIPWAY_TRY(const auto view, metadata_.snapshot());
    SLIPWAY_TRY(const BlobInfo info, find(*view, repository, digest));
    SLIPWAY_TRY(const auto content, blobs_.inline_bytes(*view, digest));
    if (!content) return std::optional<BlobInfo>();
    bytes.assign(*content);
    return std::optional(info);
  }

  Result<Blob> open_blob(const RepositoryName& repository, const Digest& digest) override {
    SLIPWAY_TRY(const auto view, metadata_.snapshot());
    SLIPWAY_CHECK(find(*view, repository, digest));
    auto blob = blobs_.open(*view, digest);
    if (!blob && blob.error().code == ErrorCode::not_found) return lost_blob(repository, digest);
    return blob;
  }

  Result<void> delete_blob(const RepositoryName& repository, const Digest& digest,
                           const WriteGuard& guard) override {
    return metadata_.write([&](WriteTransaction& transaction) -> Result<void> {
      if (guard) SLIPWAY_CHECK(guard(transaction));
      SLIPWAY_TRY(const bool erased, transaction.erase(rows::blob_link(repository, digest)));
      if (!erased) return no_blob(repository, digest);
      return rows::release_content(transaction, repository, digest);
    });
  }

  Result<ManifestInfo> stat_manifest(const RepositoryName& repository,
                                     const Reference& reference) override {
    return manifests_.stat_manifest(repository, reference);
  }
  Result<std::optional<ManifestInfo>> lease_manifest(const RepositoryName& repository,
                                                     const Reference& reference) override {
    return manifests_.lease_manifest(repository, reference);
  }
  Result<ManifestInfo> renew_manifest(const RepositoryName& repository,
                                      const Reference& reference) override {
    return manifests_.renew_manifest(repository, reference);
  }
  Result<ManifestInfo> read_manifest(const RepositoryName& repository, const Reference& reference,
                                     std::string& bytes) override {
    return manifests_.read_manifest(repository, reference, bytes);
  }
  Result<PutManifest> put_manifest(const RepositoryName& repository, const Reference& reference,
                                   std::string_view bytes, std::string_view content_type,
                                   const WriteGuard& guard,
                                   std::span<const Tag> more_tags) override {
    return manifests_.put_manifest(repository, reference, bytes, content_type, guard, more_tags);
  }
  Result<void> put_tag(WriteTransaction& transaction, const RepositoryName& repository,
                       const Tag& tag, const Digest& manifest) override {
    return manifests_.put_tag(transaction, repository, tag, manifest);
  }
  Result<void> delete_manifest(const RepositoryName& repository, const Reference& reference,
                               const WriteGuard& guard) override {
    return manifests_.delete_manifest(repository, reference, guard);
  }

  Result<TagPage> tags(const RepositoryName& repository, std::string_view last,
                       std::size_t limit) override {
    return list_tags(metadata_, repository, last, limit);
  }
  Result<RepositoryPage> repositories(std::string_view prefix, std::string_view last,
                                      std::size_t limit) override {
    return list_repositories(metadata_, prefix, last, limit);
  }
  Result<std::vector<std::string>> holders(const Digest& digest, std::size_t limit) override {
    return list_holders(metadata_, digest, limit);
  }
  Result<ReferrerPage> referrers(const RepositoryName& repository, const Digest& subject,
                                 std::string_view artifact_type, const std::optional<Digest>& last,
                                 std::size_t limit) override {
    return list_referrers(metadata_, repository, subject, artifact_type, last, limit);
  }

  Result<RegistryTotals> totals() override { return read_totals(metadata_); }
  [[nodiscard]] const LeaseTerms& lease() const noexcept override { return lease_; }
  Result<std::uint64_t> discard_expired_uploads(const std::stop_token& stop) override {
    return uploads_.discard_expired(stop);
  }

 private:
  static Result<BlobInfo> find(const ReadView& view, const RepositoryName& repository,
                               const Digest& digest) {
    SLIPWAY_TRY(const auto blob, rows::find_blob(view, repository, digest));
    if (!blob) return no_blob(repository, digest);
    return *blob;
  }

  BlobStore& blobs_;
  MetadataStore& metadata_;
  Clock& clock_;
  const LeaseTerms lease_;
  Uploads uploads_;
  Manifests manifests_;
};

}  // namespace

Result<std::unique_ptr<Registry>> open_registry(BlobStore& blobs, Clock& clock,
                                                const RegistryOptions& options) {
  if (options.max_manifest_bytes > max_value_size)
    return Error(ErrorCode::invalid_argument,
                 slipway::format("max_manifest_bytes is {}; the metadata store takes at most {}",
                                 options.max_manifest_bytes, max_value_size));
  SLIPWAY_TRY(std::string key, load_upload_key(blobs.metadata()));
  auto registry = std::make_unique<StoredRegistry>(blobs, clock, options, std::move(key));
  SLIPWAY_CHECK(registry->open());
  return std::unique_ptr<Registry>(std::move(registry));
}

}  // namespace slipway
