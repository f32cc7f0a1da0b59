#include "registry/rows.hpp"

#include <chrono>

#include "registry/tag_events.hpp"
#include "storage/totals.hpp"
#include "storage/row_walk.hpp"

namespace slipway::rows {
namespace {

using key_space::append_number;
using key_space::read_number;

constexpr std::size_t number_size = 8;

/// In a manifest's size: a time follows. No size comes near it.
constexpr std::uint64_t time_follows = std::uint64_t{1} << 63U;

std::uint64_t milliseconds(Timestamp time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}

Timestamp timestamp(std::uint64_t milliseconds) {
  return Timestamp(std::chrono::milliseconds(static_cast<std::int64_t>(milliseconds)));
}

/// Takes parts off the front of a value and remembers whether one was missing.
class ValueReader {
 public:
  explicit ValueReader(std::string_view value) : rest_(value) {}

  std::uint64_t number() { return take(number_size) ? read_number(taken_) : 0; }
  std::string_view text() { return take(number()) ? taken_ : std::string_view(); }
  std::optional<Digest> digest() {
    if (rest_.empty()) return fail();
    const auto algorithm = static_cast<DigestAlgorithm>(rest_.front());
    if (algorithm != DigestAlgorithm::sha256 && algorithm != DigestAlgorithm::sha512) return fail();
    if (!take(1 + digest_size(algorithm))) return std::nullopt;
    const auto digest = Digest::from_binary(taken_);
    return digest ? std::optional(*digest) : fail();
  }
  /// One byte of 0 or 1, then the digest when it is 1.
  std::optional<Digest> optional_digest() {
    if (!take(1)) return std::nullopt;
    return taken_.front() == 0 ? std::nullopt : digest();
  }

  [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
  [[nodiscard]] bool failed() const noexcept { return failed_; }

 private:
  bool take(std::uint64_t size) {
    if (failed_ || rest_.size() < size) {
      failed_ = true;
      return false;
    }
    taken_ = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  std::nullopt_t fail() {
    failed_ = true;
    return std::nullopt;
  }

  std::string_view rest_;
  std::string_view taken_;
  bool failed_ = false;
};

ManifestRow read_head(ValueReader& reader) {
  ManifestRow row;
  row.size = reader.number();
  if ((row.size & time_follows) != 0) row.renewed_at = timestamp(reader.number());
  row.size &= ~time_follows;
  row.media_type = reader.text();
  row.subject = reader.optional_digest();
  return row;
}

Error corrupt_manifest_row() {
  return Error(ErrorCode::corrupt, "a manifest's row in the metadata store is malformed");
}

}  // namespace

std::string encode(const ManifestRow& row) {
  std::string value;
  append_number(value, row.renewed_at ? row.size | time_follows : row.size);
  if (row.renewed_at) append_number(value, milliseconds(*row.renewed_at));
  append_number(value, row.media_type.size());
  value.append(row.media_type);
  value.push_back(row.subject ? '\1' : '\0');
  if (row.subject) row.subject->append_binary_to(value);
  for (const Digest& named : row.named) named.append_binary_to(value);
  return value;
}

Result<ManifestRow> decode_head(std::string_view value) {
  ValueReader reader(value);
  ManifestRow row = read_head(reader);
  if (reader.failed()) return corrupt_manifest_row();
  return row;
}

Result<ManifestRow> decode(std::string_view value) {
  ValueReader reader(value);
  ManifestRow row = read_head(reader);
  while (!reader.failed() && !reader.empty())
    if (const auto named = reader.digest()) row.named.push_back(*named);
  if (reader.failed()) return corrupt_manifest_row();
  return row;
}

Result<void> add_repository(WriteTransaction& transaction, const RepositoryName& repository,
                            Timestamp now) {
  const Key key = rows::repository(repository.str());
  SLIPWAY_TRY(const auto present, transaction.get(key));
  if (present) return {};
  std::string value;
  append_number(value, milliseconds(now));
  SLIPWAY_CHECK(totals::add(transaction, totals::repositories, 1));
  return transaction.put(key, value);
}

Result<void> link_blob(WriteTransaction& transaction, const RepositoryName& repository,
                       const BlobInfo& blob, Timestamp now) {
  SLIPWAY_CHECK(add_repository(transaction, repository, now));
  std::string value;
  append_number(value, blob.size);
  append_number(value, milliseconds(now));
  SLIPWAY_CHECK(transaction.put(blob_link(repository, blob.digest), value));
  return transaction.put(content_holder(blob.digest, repository.str()), {});
}

Result<LinkedBlob> decode_link(const Digest& blob, std::string_view value) {
  if (value.size() != 2 * number_size)
    return Error(ErrorCode::corrupt,
                 "the row of blob " + blob.to_string() + " in a repository is malformed");
  return LinkedBlob{{blob, read_number(value)}, timestamp(read_number(value, number_size))};
}

Result<std::optional<LinkedBlob>> find_link(const ReadView& view, const RepositoryName& repository,
                                            const Digest& blob) {
  SLIPWAY_TRY(const auto value, view.get(blob_link(repository, blob)));
  if (!value) return std::optional<LinkedBlob>();
  SLIPWAY_TRY(LinkedBlob link, decode_link(blob, *value));
  return std::optional(link);
}

Result<std::optional<BlobInfo>> find_blob(const ReadView& view, const RepositoryName& repository,
                                          const Digest& blob) {
  SLIPWAY_TRY(const auto link, find_link(view, repository, blob));
  return link ? std::optional(link->info) : std::nullopt;
}

Result<bool> any(const ReadView& view, std::string_view prefix) {
  SLIPWAY_TRY(const auto cursor, view.cursor());
  SLIPWAY_TRY(const bool found, cursor->seek(prefix));
  return found && cursor->key().starts_with(prefix);
}

Result<bool> is_named(const ReadView& view, const RepositoryName& repository, const Digest& thing) {
  for (const std::string_view kind : {key_space::named_by, key_space::kept_by}) {
    SLIPWAY_TRY(const bool named, any(view, about(kind, repository, thing)));
    if (named) return true;
  }
  return false;
}

Result<void> renew(WriteTransaction& transaction, const RepositoryName& repository,
                   const Digest& thing, const LeaseTerms& lease, Timestamp now) {
  SLIPWAY_TRY(const auto link, find_link(transaction, repository, thing));
  if (link && lease.due(link->renewed_at, now)) {
    std::string value;
    append_number(value, link->info.size);
    append_number(value, milliseconds(now));
    SLIPWAY_CHECK(transaction.put(blob_link(repository, thing), value));
  }
  const Key key = manifest(repository, thing);
  SLIPWAY_TRY(const auto row, transaction.get(key));
  if (!row) return {};
  SLIPWAY_TRY(ManifestRow renewed, decode(*row));
  if (renewed.renewed_at && !lease.due(*renewed.renewed_at, now)) return {};
  renewed.renewed_at = now;
  return transaction.put(key, encode(renewed));
}

Result<void> release_content(WriteTransaction& transaction, const RepositoryName& repository,
                             const Digest& content) {
  SLIPWAY_TRY(const auto as_blob, transaction.get(blob_link(repository, content)));
  if (as_blob) return {};
  SLIPWAY_TRY(const auto as_manifest, transaction.get(manifest(repository, content)));
  if (as_manifest) return {};
  SLIPWAY_CHECK(transaction.erase(content_holder(content, repository.str())));
  return {};
}

Result<void> move_tag(WriteTransaction& transaction, const RepositoryName& repository,
                      std::string_view tag, const Digest& manifest, const LeaseTerms& lease,
                      Timestamp now) {
  const Key key = rows::tag(repository, tag);
  const Key reverse = tag_of_manifest(repository, manifest, tag);
  SLIPWAY_TRY(const auto before, transaction.get(key));
  const std::string after = manifest.to_binary();
  if (before && *before == after) {
    SLIPWAY_TRY(const auto pushed, transaction.get(reverse));
    if (pushed && pushed->size() == number_size &&
        !lease.due(timestamp(read_number(*pushed)), now))
      return {};
  } else {
    std::optional<Digest> old;
    if (before) {
      SLIPWAY_TRY(old, Digest::from_binary(*before));
      SLIPWAY_CHECK(transaction.erase(tag_of_manifest(repository, *old, tag)));
      SLIPWAY_CHECK(renew(transaction, repository, *old, lease, now));
    } else {
      SLIPWAY_CHECK(totals::add(transaction, totals::tags, 1));
    }
    SLIPWAY_CHECK(transaction.put(key, after));
    SLIPWAY_CHECK(announce_tag_pushed(transaction, repository, tag, manifest, old, now));
  }
  std::string value;
  append_number(value, milliseconds(now));
  return transaction.put(reverse, value);
}

Result<void> erase_tag(WriteTransaction& transaction, const RepositoryName& repository,
                       std::string_view tag, const Digest& manifest, const LeaseTerms& lease,
                       Timestamp now) {
  SLIPWAY_CHECK(transaction.erase(rows::tag(repository, tag)));
  SLIPWAY_CHECK(transaction.erase(tag_of_manifest(repository, manifest, tag)));
  SLIPWAY_CHECK(totals::add(transaction, totals::tags, -1));
  SLIPWAY_CHECK(announce_tag_deleted(transaction, repository, tag, manifest, now));
  return renew(transaction, repository, manifest, lease, now);
}

Result<std::optional<std::size_t>> erase_manifest(WriteTransaction& transaction,
                                                  const RepositoryName& repository,
                                                  const Digest& digest, const LeaseTerms& lease,
                                                  Timestamp now) {
  const Key key = manifest(repository, digest);
  SLIPWAY_TRY(const auto value, transaction.get(key));
  if (!value) return std::optional<std::size_t>();
  SLIPWAY_TRY(const ManifestRow row, decode(*value));
  const std::optional<Digest> subject = row.subject;  // the row's views end with the first erase

  std::vector<std::string> tags;
  const Key with_tag = about(key_space::tag_of_manifest, repository, digest);
  SLIPWAY_CHECK(each_row(transaction, with_tag, [&](const Cursor& found) -> Result<bool> {
    tags.emplace_back(last_text(found.key(), with_tag));
    return true;
  }));

  for (const std::string& tag : tags) {
    SLIPWAY_CHECK(transaction.erase(rows::tag(repository, tag)));
    SLIPWAY_CHECK(transaction.erase(tag_of_manifest(repository, digest, tag)));
    SLIPWAY_CHECK(announce_tag_deleted(transaction, repository, tag, digest, now));
  }
  for (const Digest& named : row.named) {
    SLIPWAY_CHECK(transaction.erase(named_by(repository, named, digest)));
    SLIPWAY_CHECK(renew(transaction, repository, named, lease, now));
  }
  if (subject) SLIPWAY_CHECK(transaction.erase(referrer(repository, *subject, digest)));
  SLIPWAY_CHECK(transaction.erase(key));
  SLIPWAY_CHECK(totals::add(transaction, totals::tags, -static_cast<std::int64_t>(tags.size())));
  SLIPWAY_CHECK(totals::add(transaction, totals::manifests, -1));
  SLIPWAY_CHECK(release_content(transaction, repository, digest));
  return std::optional(2 * tags.size() + 2 * row.named.size() + 3);
}

}  // namespace slipway::rows
