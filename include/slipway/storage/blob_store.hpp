// BlobStore: content-addressed storage for bytes of any size.
//
// Small blobs (at most BlobStoreOptions::inline_limit) are values in the metadata store, written in
// the transaction that refers to them, so that one shared flush makes both durable. Larger ones are
// objects in the object store: published (flushed and linked) first, referred to after. A crash
// between the two leaves an object that nobody refers to, which a collector may remove; never a
// reference to nothing.
//
// Callers add their own rows to the transaction that makes a blob visible: see commit and put.
//
// Thread safety: a BlobStore may be used from any thread; a BlobWriter from one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <slipway/core/digest.hpp>
#include <slipway/core/result.hpp>
#include <slipway/core/timestamp.hpp>
#include <slipway/storage/metadata_store.hpp>
#include <slipway/storage/object_store.hpp>
#include <slipway/support/clock.hpp>

namespace slipway {

struct BlobStoreOptions {
  /// Blobs up to this many bytes live in the metadata store. At most max_value_size.
  std::size_t inline_limit = std::size_t{32} * 1024;
};

struct BlobInfo {
  Digest digest;
  std::uint64_t size = 0;  // bytes
};

/// A blob's bytes: in memory when it is small, else an open object.
struct Blob {
  BlobInfo info;
  std::variant<std::string, std::shared_ptr<const Object>> content;
};

/// What a caller writes in the transaction that makes a blob visible. As MetadataStore::Write: it
/// may run more than once.
using BlobLink = std::function<Result<void>(WriteTransaction&, const BlobInfo&)>;

/// Whether a blob may be removed, asked within the transaction that would do it; as
/// MetadataStore::Write it may run more than once. `renewed_at` is the blob's lease.
using BlobCondition =
    std::function<Result<bool>(WriteTransaction&, const BlobInfo&, Timestamp renewed_at)>;

/// How a blob's bytes were found to be.
struct BlobCheck {
  enum class State : std::uint8_t {
    sound,       // its bytes are those of its digest
    gone,        // there is no such blob
    damaged,     // its bytes are missing or are others
    unreadable,  // the system refused to read them
  };
  State state = State::gone;
  std::uint64_t size = 0;  // bytes, as its record says
  std::string why;         // of the last two
};

/// A blob that was found damaged. It is not in the store any more, until it is pushed again.
struct QuarantinedBlob {
  Digest digest;
  std::uint64_t size = 0;  // bytes, as they should be
  Timestamp found{};
  std::string kept_as;  // the bytes, by ObjectStore::open_aside; empty: there were none
  std::string why;
};

/// Told of bytes that were read; may wait, or answer an error that ends the reading.
using BytesRead = std::function<Result<void>(std::uint64_t bytes)>;

/// What a MetadataStore notifies when a blob was quarantined or came back.
inline constexpr std::string_view quarantine_topic = "blobs/quarantine";

/// What became of several blobs that were to be removed.
struct RemovedBlobs {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  /// The first object that could not be removed although its rows are gone: an orphan now.
  std::optional<Error> left_behind;
};

/// A blob on its way in. Bytes are hashed while they arrive, once. Destroying a writer without
/// persist or commit forgets what was not persisted.
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;

  /// Bytes taken so far, persisted or not.
  [[nodiscard]] virtual std::uint64_t size() const noexcept = 0;

  /// Errors: io, quota_exceeded (no space).
  virtual Result<void> append(std::span<const std::byte> bytes) = 0;

  /// What was appended survives the process and can be resumed under the writer's stage name.
  /// Errors: io, quota_exceeded.
  virtual Result<void> persist() = 0;

  /// Checks the digest and makes the blob durable and visible, together with what `link` (which may
  /// be empty) writes. The writer is then spent. A blob that is there already is not written twice;
  /// `link` runs all the same. Errors: digest_mismatch (the bytes stay; the caller may go on, or
  /// discard), io, quota_exceeded, those of `link`. After an error commit may be repeated with this
  /// writer; a large blob may already be published then, and its stage gone. An object that was
  /// collected before that is unavailable: it has to be sent again.
  virtual Result<BlobInfo> commit(const Digest& expected, const BlobLink& link) = 0;

  /// As commit, and as MetadataStore::write_then: a small blob that another thread's write carries
  /// along is not waited for. The writer must live until `done` runs, and is not used meanwhile. An
  /// error that is known before anything is written is told within the call.
  virtual void commit_then(const Digest& expected, BlobLink link,
                           std::function<void(Result<BlobInfo>)> done) {
    done(commit(expected, link));
  }

  /// Forgets everything, also what was persisted. Errors: io.
  virtual Result<void> discard() = 0;
};

class BlobStore {
 public:
  /// The stores and the clock must outlive the BlobStore, and it its writers. There is one
  /// BlobStore over a pair of stores: it keeps removing and committing one digest apart.
  BlobStore(MetadataStore& metadata, ObjectStore& objects, Clock& clock,
            BlobStoreOptions options = {});
  ~BlobStore();
  BlobStore(const BlobStore&) = delete;
  BlobStore& operator=(const BlobStore&) = delete;

  // ---- reading: point look-ups, on the caller's thread; see MetadataStore::reads_may_block ----

  /// Errors: not_found, io, corrupt.
  Result<BlobInfo> stat(const Digest& digest) const;
  /// nullopt when it is not there. Errors: io, corrupt.
  Result<std::optional<BlobInfo>> find(const ReadView& view, const Digest& digest) const;
  /// Opens a blob of any size. Errors: not_found, io, corrupt.
  Result<Blob> open(const Digest& digest) const;
  Result<Blob> open(const ReadView& view, const Digest& digest) const;
  /// The bytes of a blob that lies in the metadata store, valid as long as the view; nullopt for
  /// one that is an object or is not there. Errors: io, corrupt.
  Result<std::optional<std::string_view>> inline_bytes(const ReadView& view,
                                                       const Digest& digest) const;
  /// All bytes of a blob of at most `limit` bytes. Errors: not_found, too_large, io, corrupt.
  Result<std::string> read(const Digest& digest, std::uint64_t limit) const;

  // ---- writing ----

  /// Stores bytes of any size and makes them durable. Errors: io, quota_exceeded.
  Result<BlobInfo> put(std::string_view bytes);

  /// Within a transaction of the caller's: a blob of at most max_value_size bytes as a value,
  /// whatever inline_limit says (manifests). The digest must be that of the bytes.
  /// Errors: too_large, io.
  Result<void> put(WriteTransaction& transaction, const Digest& digest, std::string_view bytes);

  /// Renews the lease of a blob that somebody relies on without writing it: a mount, a HEAD that
  /// found it. put and commit renew it too. Errors: not_found, io, corrupt.
  Result<void> renew(WriteTransaction& transaction, const Digest& digest);

  /// Removes a blob when `may_go` agrees in the transaction that erases its rows; its object goes
  /// after that is durable, and a crash between leaves an object that nobody refers to. True when
  /// it was removed. Errors: io, corrupt, those of `may_go`.
  Result<bool> remove(const Digest& digest, const BlobCondition& may_go);

  /// The same of several in one transaction. Holds back whoever writes one of them until their
  /// objects are gone, so name few. Errors: io, corrupt, those of `may_go`: nothing was removed.
  Result<RemovedBlobs> remove(std::span<const Digest> digests, const BlobCondition& may_go);

  /// Does no row of `view` refer to this object? A key that is none of a blob's is not an orphan.
  /// Errors: io, corrupt.
  Result<bool> is_orphan(const ReadView& view, std::string_view key) const;

  /// Removes an object that no row refers to, as a crash leaves one between publishing and row or
  /// between the erasing of rows and the removal. One that is being committed is not touched. Its
  /// size; nullopt when it is needed or gone. Errors: io, corrupt.
  Result<std::optional<std::uint64_t>> remove_orphan(std::string_view key);

  // ---- damage ----

  /// Reads all bytes of a blob and compares them with its digest. Holds no lock. Errors: io (of the
  /// metadata store), those of `read`.
  Result<BlobCheck> check(const Digest& digest, const BytesRead& read = {}) const;

  /// Checks a blob again, now that nobody can replace or remove it, and takes it out of the store
  /// when it is damaged: its bytes are set aside first, then its rows go in one transaction, then its
  /// object. A crash in between leaves the blob as it was, or an object that nobody refers to. Who
  /// refers to the blob finds it missing until it is put or committed again. nullopt: it is not
  /// damaged. Errors: io, quota_exceeded.
  Result<std::optional<QuarantinedBlob>> quarantine(const Digest& digest);

  /// Point read: nullopt when it is not in quarantine, or is back. Errors: io, corrupt.
  Result<std::optional<QuarantinedBlob>> find_quarantined(const ReadView& view,
                                                          const Digest& digest) const;
  /// All of them, in the order of their digests. Errors: io, corrupt.
  Result<std::vector<QuarantinedBlob>> quarantined() const;

  /// At most `limit` blobs behind `last`, in the order of their digests: for who visits them all and
  /// does not want to keep a snapshot. Errors: io, corrupt.
  Result<std::vector<Digest>> digests(const std::optional<Digest>& last, std::size_t limit) const;

  // ---- writing large blobs ----

  /// A new blob under a stage name of the caller's, which must be unique. Touches nothing until
  /// more than inline_limit bytes came or persist is called.
  std::unique_ptr<BlobWriter> begin(std::string_view stage_name,
                                    DigestAlgorithm algorithm = DigestAlgorithm::sha256);

  /// Goes on after persist, also in a later process; hashes again what was persisted.
  /// Errors: not_found, io.
  Result<std::unique_ptr<BlobWriter>> resume(std::string_view stage_name,
                                             DigestAlgorithm algorithm = DigestAlgorithm::sha256);

  [[nodiscard]] MetadataStore& metadata() const noexcept;
  [[nodiscard]] ObjectStore& objects() const noexcept;

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace slipway
