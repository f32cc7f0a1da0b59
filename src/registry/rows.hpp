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

/// The blob as the repository has it. Errors: io, corrupt.
Result<std::optional<BlobInfo>> find_blob(const ReadView& view, const RepositoryName& repository,
                                          const Digest& blob);

/// Says that the repository needs this content no more, unless it has it in the other role too
/// (the same bytes can be a blob and a manifest). Errors: io.
Result<void> release_content(WriteTransaction& transaction, const RepositoryName& repository,
                             const Digest& content);

/// Moves or makes a tag. Errors: io, corrupt.
Result<void> move_tag(WriteTransaction& transaction, const RepositoryName& repository,
                      std::string_view tag, const Digest& manifest);

}  // namespace slipway::rows
