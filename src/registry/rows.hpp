// The registry's rows: keys and values of each kind, and what must be written together.
//
// Prefixes and their parts are listed in storage/key_space.hpp, what they are for in
// docs/registry.md.
//
// Thread safety: pure functions; those with a transaction run inside the caller's write.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/digest.hpp>
#include <slipway/core/reference.hpp>
#include <slipway/core/result.hpp>
#include <slipway/core/timestamp.hpp>
#include <slipway/registry/lease.hpp>
#include <slipway/storage/blob_store.hpp>
#include <slipway/storage/metadata_store.hpp>

#include "storage/key_space.hpp"

namespace slipway::rows {

using key_space::Key;

inline Key repository(std::string_view name) {
  return Key(key_space::repository).text(name);
}
inline Key blob_link(const RepositoryName& repository, const Digest& blob) {
  return Key(key_space::blob_link).text(repository.str()).digest(blob);
}
inline Key content_holder(const Digest& content, std::string_view repository) {
  return Key(key_space::content_holder).digest(content).text(repository);
}
inline Key manifest(const RepositoryName& repository, const Digest& manifest) {
  return Key(key_space::manifest).text(repository.str()).digest(manifest);
}
inline Key named_by(const RepositoryName& repository, const Digest& named, const Digest& manifest) {
  return Key(key_space::named_by).text(repository.str()).digest(named).digest(manifest);
}
/// `build`: one that has not ended and needs the blob.
inline Key kept_by(const RepositoryName& repository, const Digest& blob, std::string_view build) {
  return Key(key_space::kept_by).text(repository.str()).digest(blob).text(build);
}
inline Key tag(const RepositoryName& repository, std::string_view tag) {
  return Key(key_space::tag).text(repository.str()).text(tag);
}
inline Key tag_of_manifest(const RepositoryName& repository, const Digest& manifest,
                           std::string_view tag) {
  return Key(key_space::tag_of_manifest).text(repository.str()).digest(manifest).text(tag);
}
inline Key referrer(const RepositoryName& repository, const Digest& subject,
                    const Digest& referrer) {
  return Key(key_space::referrer).text(repository.str()).digest(subject).digest(referrer);
}
inline Key ended_upload(std::string_view upload) {
  return Key(key_space::ended_upload).text(upload);
}

/// The rows of a repository's things of one kind begin with this.
inline Key in_repository(std::string_view kind, std::string_view repository) {
  return Key(kind).text(repository);
}
/// The rows about one of them.
inline Key about(std::string_view kind, const RepositoryName& repository, const Digest& thing) {
  return Key(kind).text(repository.str()).digest(thing);
}

/// Is there a row whose key begins with `prefix`? One seek. Errors: io, corrupt.
Result<bool> any(const ReadView& view, std::string_view prefix);

/// The text part at the end of a key whose other parts are `prefix`.
inline std::string_view last_text(std::string_view key, std::string_view prefix) noexcept {
  key.remove_prefix(prefix.size());
  if (!key.empty()) key.remove_suffix(1);
  return key;
}

// ---- what a manifest's row says ----

struct ManifestRow {
  std::uint64_t size = 0;  // bytes
  std::string_view media_type;
  std::optional<Digest> subject;
  /// Each digest once: the blobs of an image, the children of an index that it names.
  std::vector<Digest> named;
  /// Its lease. A row of the first versions has none; it is as old as its repository.
  std::optional<Timestamp> renewed_at = {};
};

std::string encode(const ManifestRow& row);

/// Without `named`: all that a read needs, without an allocation. The view into `value` stays as
/// valid as that is. Errors: corrupt.
Result<ManifestRow> decode_head(std::string_view value);
/// All of it. Errors: corrupt.
Result<ManifestRow> decode(std::string_view value);

// ---- what is written together ----

/// The repository exists from now on. Errors: io.
Result<void> add_repository(WriteTransaction& transaction, const RepositoryName& repository,
                            Timestamp now);

/// The blob is in the repository; again renews it. Errors: io.
Result<void> link_blob(WriteTransaction& transaction, const RepositoryName& repository,
                       const BlobInfo& blob, Timestamp now);

/// A blob as a repository has it.
struct LinkedBlob {
  BlobInfo info;
  Timestamp renewed_at{};  // its lease
};

/// Errors: io, corrupt.
Result<std::optional<LinkedBlob>> find_link(const ReadView& view, const RepositoryName& repository,
                                            const Digest& blob);
/// What a row of that says. Errors: corrupt.
Result<LinkedBlob> decode_link(const Digest& blob, std::string_view value);

/// Without its lease. Errors: io, corrupt.
Result<std::optional<BlobInfo>> find_blob(const ReadView& view, const RepositoryName& repository,
                                          const Digest& blob);

/// Does a manifest of the repository name this blob or manifest, or does a build need it? That keeps
/// it, and when that ends its lease begins anew. Errors: io, corrupt.
Result<bool> is_named(const ReadView& view, const RepositoryName& repository, const Digest& thing);

/// Renews the lease of what the repository has under this digest, as blob, as manifest or both,
/// where that is due. Errors: io, corrupt.
Result<void> renew(WriteTransaction& transaction, const RepositoryName& repository,
                   const Digest& thing, const LeaseTerms& lease, Timestamp now);

/// Says that the repository needs this content no more, unless it has it in the other role too
/// (the same bytes can be a blob and a manifest). Errors: io.
Result<void> release_content(WriteTransaction& transaction, const RepositoryName& repository,
                             const Digest& content);

/// Moves or makes a tag; the manifest that it leaves is renewed. Errors: io, corrupt.
Result<void> move_tag(WriteTransaction& transaction, const RepositoryName& repository,
                      std::string_view tag, const Digest& manifest, const LeaseTerms& lease,
                      Timestamp now);

/// Removes a tag that is there; the manifest that it leaves is renewed. Errors: io, corrupt.
Result<void> erase_tag(WriteTransaction& transaction, const RepositoryName& repository,
                       std::string_view tag, const Digest& manifest, const LeaseTerms& lease,
                       Timestamp now);

/// Removes a manifest and the tags that name it; what it named is renewed. Answers how many rows
/// that took; nullopt when it is not there. Errors: io, corrupt.
Result<std::optional<std::size_t>> erase_manifest(WriteTransaction& transaction,
                                                  const RepositoryName& repository,
                                                  const Digest& manifest, const LeaseTerms& lease,
                                                  Timestamp now);

}  // namespace slipway::rows
