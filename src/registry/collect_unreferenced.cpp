// The steps that remove what nothing refers to: a repository's blobs, contents, empty repositories,
// and what uploads and crashes left.
#include <utility>

#include "registry/collection_pass.hpp"
#include "registry/rows.hpp"
#include "storage/blob_rows.hpp"
#include "storage/quarantine_rows.hpp"
#include "storage/totals.hpp"

namespace slipway {
namespace {

/// Keys of an object store that are looked up on one snapshot.
constexpr std::size_t objects_a_snapshot = 256;

/// The row of another kind about the same repository and digest.
std::string about_same(std::string_view kind, std::string_view key) {
  return std::string(kind).append(key.substr(kind.size()));
}

/// Whether a link can go, by its row and those that name its blob.
Result<bool> link_goes(const CollectionPass& pass, const ReadView& view, std::string_view key,
                       std::string_view value) {
  if (value.size() != 16) return Error(ErrorCode::corrupt, "a blob's row in a repository");
  const std::uint64_t renewed_at = key_space::read_number(value, 8);
  if (!pass.has_run_out(Timestamp(std::chrono::milliseconds(static_cast<std::int64_t>(renewed_at)))))
    return false;
  for (const std::string_view kind : {key_space::named_by, key_space::kept_by}) {
    SLIPWAY_TRY(const bool named, rows::any(view, about_same(kind, key)));
    if (named) return false;
  }
  return true;
}

struct RepositoryAndDigest {
  RepositoryName repository;
  Digest digest;
};

/// Of a key whose parts are a repository and a digest. Errors: corrupt.
Result<RepositoryAndDigest> parts_of(std::string_view key) {
  key.remove_prefix(key_space::blob_link.size());
  const std::size_t end = key.find('\0');
  auto repository = RepositoryName::parse(key.substr(0, end));
  auto digest = end == std::string_view::npos ? Digest::from_binary({})
                                              : Digest::from_binary(key.substr(end + 1));
  if (!repository || !digest) return Error(ErrorCode::corrupt, "a key of a repository's blob");
  return RepositoryAndDigest{std::move(*repository), *digest};
}

/// By a repository, or as a build's log.
Result<bool> is_held(const ReadView& view, const Digest& content) {
  for (const std::string_view kind : {key_space::content_holder, key_space::log_blob}) {
    SLIPWAY_TRY(const bool held, rows::any(view, rows::Key(kind).digest(content)));
    if (held) return true;
  }
  return false;
}

/// Errors: corrupt.
Result<Digest> digest_in_quarantine(std::string_view key) {
  const auto digest = Digest::from_binary(key.substr(key_space::quarantined_blob.size()));
  if (!digest) return Error(ErrorCode::corrupt, "a key of a blob in quarantine");
  return *digest;
}

/// nullopt for the row of a blob's bytes.
std::optional<Digest> digest_of_record(std::string_view key) {
  const auto digest = Digest::from_binary(key.substr(key_space::blob.size()));
  return digest ? std::optional(*digest) : std::nullopt;
}

/// Of blobs in quarantine that no repository holds: nobody misses them any more. The bytes that were
/// set aside stay.
Result<void> forget_quarantined(CollectionPass& pass, std::string& position) {
  const auto judge = [](const ReadView& view, const Cursor& row) -> Result<bool> {
    SLIPWAY_TRY(const Digest digest, digest_in_quarantine(row.key()));
    SLIPWAY_TRY(const bool held, is_held(view, digest));
    return !held;
  };
  const auto remove = [&](std::span<const std::string> keys) {
    return pass.metadata().write([&](WriteTransaction& transaction) -> Result<void> {
      for (const std::string& key : keys) {
        SLIPWAY_TRY(const Digest digest, digest_in_quarantine(key));
        SLIPWAY_TRY(const bool held, is_held(transaction, digest));
        if (!held) SLIPWAY_CHECK(end_quarantine(transaction, digest));
      }
      return {};
    });
  };
  return pass.walk(key_space::quarantined_blob, position, judge, remove);
}

Result<bool> repository_goes(const CollectionPass& pass, const ReadView& view, std::string_view key,
                             std::string_view made) {
  if (made.size() != 8) return Error(ErrorCode::corrupt, "a repository's row");
  const std::uint64_t at = key_space::read_number(made);
  if (!pass.has_run_out(Timestamp(std::chrono::milliseconds(static_cast<std::int64_t>(at)))))
    return false;
  for (const std::string_view kind : {key_space::blob_link, key_space::manifest, key_space::tag}) {
    SLIPWAY_TRY(const bool any, rows::any(view, about_same(kind, key)));
    if (any) return false;
  }
  return true;
}

Result<void> remove_orphans(CollectionPass& pass, std::vector<std::string>& keys) {
  std::vector<std::string> orphans;
  {
    SLIPWAY_TRY(const auto view, pass.metadata().snapshot());
    for (std::string& key : keys) {
      auto orphan = pass.blobs().is_orphan(*view, key);
      if (!orphan && orphan.error().code != ErrorCode::corrupt) return std::move(orphan).error();
      if (!orphan) pass.note_failure("object " + key, orphan.error());
      if (orphan && *orphan) orphans.push_back(std::move(key));
    }
  }
  pass.counts.examined += keys.size();
  keys.clear();
  for (const std::string& key : orphans) {
    const auto size = pass.blobs().remove_orphan(key);
    if (!size) {
      pass.note_failure("object " + key, size.error());
    } else if (*size) {
      ++pass.counts.orphans;
      pass.counts.bytes += **size;
    }
  }
  return pass.pause();
}

}  // namespace

Result<void> collect_links(CollectionPass& pass, std::string& position) {
  const auto judge = [&](const ReadView& view, const Cursor& row) -> Result<bool> {
    SLIPWAY_TRY(const bool goes, link_goes(pass, view, row.key(), row.value()));
    if (!goes) return false;
    // What the transaction will touch is read here, so that it does not wait for the disk.
    SLIPWAY_TRY(const auto parts, parts_of(row.key()));
    SLIPWAY_CHECK(view.get(rows::content_holder(parts.digest, parts.repository.str())));
    return true;
  };
  const auto remove = [&](std::span<const std::string> keys) -> Result<void> {
    std::uint64_t removed = 0;
    const auto erase = [&](WriteTransaction& transaction) -> Result<void> {
      removed = 0;
      for (const std::string& key : keys) {
        SLIPWAY_TRY(const auto value, transaction.get(key));
        if (!value) continue;
        SLIPWAY_TRY(const bool goes, link_goes(pass, transaction, key, *value));
        if (!goes) continue;
        SLIPWAY_TRY(const auto parts, parts_of(key));
        SLIPWAY_CHECK(transaction.erase(key));
        SLIPWAY_CHECK(rows::release_content(transaction, parts.repository, parts.digest));
        ++removed;
      }
      return {};
    };
    SLIPWAY_CHECK(pass.metadata().write(erase));
    pass.counts.links += removed;
    return {};
  };
  return pass.walk(key_space::blob_link, position, judge, remove);
}

Result<void> collect_content(CollectionPass& pass, std::string& position) {
  const auto judge = [&](const ReadView& view, const Cursor& row) -> Result<bool> {
    const auto digest = digest_of_record(row.key());
    if (!digest) return false;
    SLIPWAY_TRY(const auto record, find_record(view, *digest));
    if (!record || !pass.has_run_out(record->renewed_at)) return false;
    SLIPWAY_TRY(const bool held, is_held(view, *digest));
    return !held;
  };
  const auto may_go = [&](WriteTransaction& transaction, const BlobInfo& blob,
                          Timestamp renewed_at) -> Result<bool> {
    if (!pass.has_run_out(renewed_at)) return false;
    SLIPWAY_TRY(const bool held, is_held(transaction, blob.digest));
    return !held;
  };
  const auto remove = [&](std::span<const std::string> keys) -> Result<void> {
    std::vector<Digest> digests;
    for (const std::string& key : keys)
      if (const auto digest = digest_of_record(key)) digests.push_back(*digest);
    SLIPWAY_TRY(const RemovedBlobs removed, pass.blobs().remove(digests, may_go));
    pass.counts.blobs += removed.count;
    pass.counts.bytes += removed.bytes;
    if (removed.left_behind) pass.note_failure("an object", *removed.left_behind);
    return {};
  };
  SLIPWAY_CHECK(pass.walk(key_space::blob, position, judge, remove));
  return forget_quarantined(pass, position);
}

Result<void> collect_repositories(CollectionPass& pass, std::string& position) {
  const auto judge = [&](const ReadView& view, const Cursor& row) {
    return repository_goes(pass, view, row.key(), row.value());
  };
  const auto remove = [&](std::span<const std::string> keys) -> Result<void> {
    std::uint64_t removed = 0;
    const auto erase = [&](WriteTransaction& transaction) -> Result<void> {
      removed = 0;
      for (const std::string& key : keys) {
        SLIPWAY_TRY(const auto made, transaction.get(key));
        if (!made) continue;
        SLIPWAY_TRY(const bool goes, repository_goes(pass, transaction, key, *made));
        if (!goes) continue;
        SLIPWAY_CHECK(transaction.erase(key));
        ++removed;
      }
      return totals::add(transaction, totals::repositories, -static_cast<std::int64_t>(removed));
    };
    SLIPWAY_CHECK(pass.metadata().write(erase));
    pass.counts.repositories += removed;
    return {};
  };
  return pass.walk(key_space::repository, position, judge, remove);
}

Result<void> collect_uploads(CollectionPass& pass, std::string&) {
  SLIPWAY_TRY(const std::uint64_t discarded, pass.registry().discard_expired_uploads(pass.stop()));
  pass.counts.uploads += discarded;
  return pass.pause();
}

Result<void> collect_objects(CollectionPass& pass, std::string&) {
  std::vector<std::string> keys;
  Result<void> done;
  SLIPWAY_CHECK(pass.blobs().objects().for_each([&](std::string_view key) {
    keys.emplace_back(key);
    if (keys.size() == objects_a_snapshot) done = remove_orphans(pass, keys);
    return done.ok();
  }));
  if (!done) return done;
  return remove_orphans(pass, keys);
}

}  // namespace slipway
