#include "registry/rows.hpp"

#include <chrono>

namespace slipway::rows {
namespace {

using key_space::append_number;
using key_space::read_number;

constexpr std::size_t number_size = 8;

std::uint64_t milliseconds(Timestamp time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
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
  append_number(value, row.size);
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

Result<std::optional<BlobInfo>> find_blob(const ReadView& view, const RepositoryName& repository,
                                          const Digest& blob) {
  SLIPWAY_TRY(const auto value, view.get(blob_link(repository, blob)));
  if (!value) return std::optional<BlobInfo>();
  if (value->size() != 2 * number_size)
    return Error(ErrorCode::corrupt,
                 "the row of blob " + blob.to_string() + " in " + repository.str() +
                     " is malformed");
  return std::optional(BlobInfo{blob, read_number(*value)});
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
                      std::string_view tag, const Digest& manifest) {
  const Key key = rows::tag(repository, tag);
  SLIPWAY_TRY(const auto before, transaction.get(key));
  const std::string now = manifest.to_binary();
  if (before && *before == now) return {};
  if (before) {
    SLIPWAY_TRY(const Digest old, Digest::from_binary(*before));
    SLIPWAY_CHECK(transaction.erase(tag_of_manifest(repository, old, tag)));
  }
  SLIPWAY_CHECK(transaction.put(key, now));
  return transaction.put(tag_of_manifest(repository, manifest, tag), {});
}

}  // namespace slipway::rows
