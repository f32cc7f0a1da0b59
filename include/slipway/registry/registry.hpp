// Registry: repositories of blobs, manifests and tags over a BlobStore.
//
// The engine behind the OCI distribution API (http/oci_handler.hpp), and the same thing for
// programs that link the library. It knows nothing of HTTP and nothing of who asks; who may do what
// is decided before it is called. A repository exists as soon as something is in it.
//
// What is acknowledged is durable: blobs, manifests, tags, deletions. Opening an upload costs
// nothing at all (its id proves where it belongs, see docs/registry.md); its persisted chunks
// survive the process.
//
// Each change is one metadata transaction. Locks are per upload; reads take none.
//
// Thread safety: any thread. Members marked "point read" do not block where the metadata store's
// reads_may_block() is false.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/auth/identity.hpp>
#include <slipway/core/descriptor.hpp>
#include <slipway/core/digest.hpp>
#include <slipway/core/reference.hpp>
#include <slipway/core/result.hpp>
#include <slipway/registry/lease.hpp>
#include <slipway/storage/blob_store.hpp>
#include <slipway/support/clock.hpp>

namespace slipway {

struct RegistryOptions {
  std::uint64_t max_manifest_bytes = max_value_size;
  std::uint64_t max_blob_bytes = std::uint64_t{1} << 40U;
  std::chrono::milliseconds upload_lifetime = std::chrono::days(7);  // from its opening
  /// Uploads between two chunks that are kept ready (each has a file open and its hash's state); one
  /// more is dropped and hashed again when it goes on.
  std::size_t max_parked_uploads = 256;
  /// Takes image manifests that name blobs which are not in the repository: for mirrors that hold
  /// parts of images. An index may always name manifests that are not here.
  bool sparse_images = false;
  /// How long one may rely on what nothing refers to yet.
  LeaseTerms lease = {};
};

struct ManifestInfo {
  Digest digest;
  std::string media_type;
  std::uint64_t size = 0;  // bytes
};

/// One request's turn to write to an upload. At most one exists for an upload at a time.
/// Destroying it keeps what arrived, when it can be kept (the client asks how far it got).
class UploadWriter {
 public:
  virtual ~UploadWriter() = default;

  /// Bytes taken so far, those of earlier requests included.
  [[nodiscard]] virtual std::uint64_t size() const noexcept = 0;

  /// Errors: too_large (max_blob_bytes), io, quota_exceeded.
  virtual Result<void> append(std::span<const std::byte> bytes) = 0;

  /// Ends the turn; the bytes survive the process. Answers the size. Errors: io, quota_exceeded.
  virtual Result<std::uint64_t> suspend() = 0;

  /// Ends the upload: the blob is durable and in the repository. Errors: digest_mismatch (the
  /// upload ends too), those of the guard, io, quota_exceeded.
  virtual Result<BlobInfo> commit(const Digest& expected, const WriteGuard& guard = {}) = 0;

  /// As commit, and as BlobWriter::commit_then: may return before `done` ran, until when the writer
  /// must live and is not used.
  virtual void commit_then(const Digest& expected, WriteGuard guard,
                           std::function<void(Result<BlobInfo>)> done) = 0;
};

struct TagPage {
  std::vector<std::string> tags;  // ascending bytewise
  bool more = false;
};

struct RepositoryPage {
  std::vector<std::string> repositories;  // ascending bytewise
  bool more = false;
};

struct ReferrerPage {
  std::vector<Descriptor> referrers;  // with artifact_type and annotations
  bool more = false;
};

/// What there is in all. Exact, as of the last commit.
struct RegistryTotals {
  std::uint64_t repositories = 0;
  std::uint64_t tags = 0;
  std::uint64_t manifests = 0;  // in each repository that has it
  std::uint64_t blobs = 0;      // different contents, manifests among them
  std::uint64_t bytes = 0;      // of those
};

class Registry {
 public:
  virtual ~Registry() = default;

  // ---- uploads ----

  /// The id of a new upload: [A-Za-z0-9]+, at most 64 characters. No I/O. `algorithm` is a hint that
  /// saves hashing again: the upload may still be committed under a digest of another one.
  virtual std::string begin_upload(const RepositoryName& repository,
                                   DigestAlgorithm algorithm = DigestAlgorithm::sha256) = 0;

  /// Point read: may it be written to? Errors: not_found (also: ended, expired, of another
  /// repository), io.
  virtual Result<void> check_upload(const RepositoryName& repository, std::string_view upload) = 0;

  /// Bytes that are safe from the end of the process. Errors: not_found (also: ended, expired, of
  /// another repository), io.
  virtual Result<std::uint64_t> upload_size(const RepositoryName& repository,
                                            std::string_view upload) = 0;

  /// A turn to write. `offset`, when given, must be where the upload stands. Errors: not_found,
  /// range_mismatch (offset), conflict (another request is writing), io.
  virtual Result<std::unique_ptr<UploadWriter>> write_upload(
      const RepositoryName& repository, std::string_view upload,
      std::optional<std::uint64_t> offset = std::nullopt) = 0;

  /// The blob that an upload became, so that a closing request whose answer was lost can be
  /// repeated. Errors: not_found, io.
  virtual Result<BlobInfo> upload_result(const RepositoryName& repository,
                                         std::string_view upload) = 0;

  /// Errors: not_found, conflict (another request is writing), io.
  virtual Result<void> cancel_upload(const RepositoryName& repository, std::string_view upload) = 0;

  /// A blob in one request: as an upload, but it cannot be suspended and leaves nothing behind when
  /// it is not committed. No I/O.
  virtual std::unique_ptr<UploadWriter> write_blob(
      const RepositoryName& repository, DigestAlgorithm algorithm = DigestAlgorithm::sha256) = 0;

  /// Bytes in one go. Errors: digest_mismatch, too_large, io, quota_exceeded, the guard's.
  virtual Result<BlobInfo> put_blob(const RepositoryName& repository, const Digest& digest,
                                    std::string_view bytes, const WriteGuard& guard = {}) = 0;

  /// Makes a blob of one repository one of another's. Errors: not_found, io, the guard's.
  virtual Result<BlobInfo> mount_blob(const RepositoryName& repository,
                                      const RepositoryName& from, const Digest& digest,
                                      const WriteGuard& guard = {}) = 0;

  // ---- blobs ----

  /// Point read. Errors: not_found, io.
  virtual Result<BlobInfo> stat_blob(const RepositoryName& repository, const Digest& digest) = 0;

  /// Point read, for who relies on the blob without sending it (HEAD): from now on a manifest that
  /// names it can be pushed for as long as leases last. nullopt: that needs renew_blob first, since
  /// the lease is old and nothing refers to the blob. Errors: not_found, io.
  virtual Result<std::optional<BlobInfo>> lease_blob(const RepositoryName& repository,
                                                     const Digest& digest) = 0;

  /// The same with a write where the lease is due. Errors: not_found, io, quota_exceeded.
  virtual Result<BlobInfo> renew_blob(const RepositoryName& repository, const Digest& digest) = 0;

  /// Point read: the bytes of a small blob replace the content of `bytes`; nullopt for a blob that
  /// is a file: open it. Errors: not_found, io, corrupt.
  virtual Result<std::optional<BlobInfo>> read_small_blob(const RepositoryName& repository,
                                                          const Digest& digest,
                                                          std::string& bytes) = 0;

  /// Opens a file for large blobs: it may block. Errors: not_found, io, corrupt.
  virtual Result<Blob> open_blob(const RepositoryName& repository, const Digest& digest) = 0;

  /// Takes it out of the repository; its bytes go when nothing needs them. Errors: not_found, io.
  virtual Result<void> delete_blob(const RepositoryName& repository, const Digest& digest,
                                   const WriteGuard& guard = {}) = 0;

  // ---- manifests and tags ----

  /// Point read. Errors: not_found, io, corrupt.
  virtual Result<ManifestInfo> stat_manifest(const RepositoryName& repository,
                                             const Reference& reference) = 0;

  /// As lease_blob: point read, nullopt when renew_manifest has to come first. Errors: not_found,
  /// io, corrupt.
  virtual Result<std::optional<ManifestInfo>> lease_manifest(const RepositoryName& repository,
                                                             const Reference& reference) = 0;

  /// As renew_blob. Errors: not_found, io, corrupt, quota_exceeded.
  virtual Result<ManifestInfo> renew_manifest(const RepositoryName& repository,
                                              const Reference& reference) = 0;

  /// Point read (but where the same bytes were pushed as a large blob); replaces the content of
  /// `bytes`. Errors: not_found, io, corrupt.
  virtual Result<ManifestInfo> read_manifest(const RepositoryName& repository,
                                             const Reference& reference, std::string& bytes) = 0;

  struct PutManifest {
    ManifestInfo manifest;
    std::optional<Digest> subject;
  };
  /// Stores a manifest and moves the tags to it, `more_tags` and the reference when it is one: one
  /// transaction. Any blob that it names must be in the repository with that size; children of an
  /// index and layers with `urls` need not be. `content_type` may carry parameters. Errors: invalid_argument (malformed, or the type does not fit),
  /// unsupported (Docker schema 1), too_large, not_found (a blob that it names; the message says
  /// which), digest_mismatch, io, quota_exceeded, the guard's.
  virtual Result<PutManifest> put_manifest(const RepositoryName& repository,
                                           const Reference& reference, std::string_view bytes,
                                           std::string_view content_type,
                                           const WriteGuard& guard = {},
                                           std::span<const Tag> more_tags = {}) = 0;

  /// Within a transaction of the caller's: moves a tag to a manifest of the repository.
  /// Errors: not_found, io.
  virtual Result<void> put_tag(WriteTransaction& transaction, const RepositoryName& repository,
                               const Tag& tag, const Digest& manifest) = 0;

  /// A tag alone, or a manifest with all tags that name it. Errors: not_found, io, the guard's.
  virtual Result<void> delete_manifest(const RepositoryName& repository,
                                       const Reference& reference,
                                       const WriteGuard& guard = {}) = 0;

  // ---- lists ----

  /// At most `limit` tags after `last` (exclusive; it need not exist). Errors: not_found (no such
  /// repository), io.
  virtual Result<TagPage> tags(const RepositoryName& repository, std::string_view last,
                               std::size_t limit) = 0;

  /// At most `limit` repositories after `last` whose names begin with `prefix`. Errors: io.
  virtual Result<RepositoryPage> repositories(std::string_view prefix, std::string_view last,
                                              std::size_t limit) = 0;

  /// At most `limit` repositories that hold a blob or manifest with this digest, ascending.
  /// Errors: io.
  virtual Result<std::vector<std::string>> holders(const Digest& digest, std::size_t limit) = 0;

  /// Manifests whose subject is `subject`, also when that is not here, after `last` (exclusive) in
  /// digest order; an empty `artifact_type` filters nothing. Never not_found. Errors: io.
  virtual Result<ReferrerPage> referrers(const RepositoryName& repository, const Digest& subject,
                                         std::string_view artifact_type,
                                         const std::optional<Digest>& last, std::size_t limit) = 0;

  // ---- upkeep ----

  /// Point read. Errors: io, corrupt.
  virtual Result<RegistryTotals> totals() = 0;

  [[nodiscard]] virtual const LeaseTerms& lease() const noexcept = 0;

  /// Forgets what uploads that have expired left: staged bytes, and rows that tell how they ended,
  /// in small transactions. Answers how many of either there were. Errors: io, cancelled.
  virtual Result<std::uint64_t> discard_expired_uploads(const std::stop_token& stop) = 0;
};

/// The stores and the clock must outlive the registry. Reads or makes the key that signs upload
/// ids, and forgets what uploads of an earlier process left that nobody can go on with; so there is
/// one registry over a pair of stores at a time. Errors: io, corrupt.
Result<std::unique_ptr<Registry>> open_registry(BlobStore& blobs, Clock& clock,
                                                const RegistryOptions& options = {});

}  // namespace slipway
