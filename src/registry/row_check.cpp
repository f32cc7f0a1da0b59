#include "registry/row_check.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "registry/rows.hpp"
#include "storage/blob_rows.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

using Finding = std::optional<std::string>;
using key_space::Key;

constexpr std::size_t number_size = 8;

/// Takes parts off the front of a key behind its prefix.
class KeyReader {
 public:
  explicit KeyReader(std::string_view key) : rest_(key.substr(2)) {}

  std::string_view text() {
    const std::size_t end = rest_.find('\0');
    if (end == std::string_view::npos) return fail();
    return take(end, 1);
  }
  std::optional<Digest> digest() {
    if (rest_.empty()) return fail_digest();
    const auto algorithm = static_cast<DigestAlgorithm>(rest_.front());
    if (algorithm != DigestAlgorithm::sha256 && algorithm != DigestAlgorithm::sha512)
      return fail_digest();
    if (rest_.size() < 1 + digest_size(algorithm)) return fail_digest();
    const auto digest = Digest::from_binary(take(1 + digest_size(algorithm), 0));
    return digest ? std::optional(*digest) : fail_digest();
  }
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }
  /// All of it was understood.
  [[nodiscard]] bool complete() const noexcept { return !failed_ && rest_.empty(); }

 private:
  std::string_view take(std::size_t size, std::size_t behind) {
    const std::string_view part = rest_.substr(0, size);
    rest_.remove_prefix(size + behind);
    return part;
  }
  std::string_view fail() {
    failed_ = true;
    return {};
  }
  std::nullopt_t fail_digest() {
    failed_ = true;
    return std::nullopt;
  }

  std::string_view rest_;
  bool failed_ = false;
};

Result<bool> is_there(const ReadView& view, std::string_view key) {
  SLIPWAY_TRY(const auto value, view.get(key));
  return value.has_value();
}

Finding malformed(std::string_view what) {
  return slipway::format("a row of {} is malformed", what);
}

/// The content of a blob or manifest: there with this size, or in quarantine.
Result<Finding> check_content(const ReadView& view, const Digest& digest, std::uint64_t size,
                              const std::string& who) {
  const auto record = find_record(view, digest);
  if (!record && record.error().code != ErrorCode::corrupt) return record.error();
  if (!record) return Finding(record.error().message);
  if (*record && (*record)->size == size) return Finding();
  if (*record)
    return Finding(slipway::format("{} should have {} bytes, the store has {}", who, size,
                                   (*record)->size));
  SLIPWAY_TRY(const bool known, is_there(view, Key(key_space::quarantined_blob).digest(digest)));
  if (known) return Finding();
  return Finding(slipway::format("{} is not in the store", who));
}

/// The bytes of a blob need its record; the record itself is what reading the blob checks.
Result<Finding> check_blob(const ReadView& view, std::string_view key) {
  KeyReader parts(key);
  const auto digest = parts.digest();
  if (!digest) return malformed("a blob");
  if (parts.rest().empty()) return Finding();
  if (key != Key(key_space::blob).digest(*digest).text(key_space::blob_content).str())
    return malformed("a blob");
  SLIPWAY_TRY(const bool there, is_there(view, Key(key_space::blob).digest(*digest)));
  if (there) return Finding();
  return Finding(slipway::format("the bytes of blob {} have no record", digest->to_string()));
}

Result<Finding> check_holder_and_repository(const ReadView& view, std::string_view repository,
                                            const Digest& digest, const std::string& who) {
  SLIPWAY_TRY(const bool held, is_there(view, rows::content_holder(digest, repository)));
  if (!held) return Finding(slipway::format("{} is not listed among the holders of its content", who));
  SLIPWAY_TRY(const bool known, is_there(view, rows::repository(repository)));
  if (!known) return Finding(slipway::format("{}: the repository is not listed", who));
  return Finding();
}

Result<Finding> check_blob_link(const ReadView& view, std::string_view key, std::string_view value) {
  KeyReader parts(key);
  const std::string_view repository = parts.text();
  const auto digest = parts.digest();
  if (!digest || !parts.complete() || value.size() < number_size)
    return malformed("a repository's blob");
  const std::string who = slipway::format("blob {} of {}", digest->to_string(), repository);
  SLIPWAY_TRY(Finding finding,
              check_content(view, *digest, key_space::read_number(value), who));
  if (finding) return finding;
  return check_holder_and_repository(view, repository, *digest, who);
}

Result<Finding> check_holder(const ReadView& view, std::string_view key) {
  KeyReader parts(key);
  const auto digest = parts.digest();
  const std::string_view repository = parts.text();
  if (!digest || !parts.complete()) return malformed("a content's holder");
  SLIPWAY_TRY(const bool as_blob,
              is_there(view, Key(key_space::blob_link).text(repository).digest(*digest)));
  SLIPWAY_TRY(const bool as_manifest,
              is_there(view, Key(key_space::manifest).text(repository).digest(*digest)));
  if (as_blob || as_manifest) return Finding();
  return Finding(slipway::format("{} is listed as holder of {} and has neither such a blob nor such "
                                 "a manifest",
                                 repository, digest->to_string()));
}

Result<Finding> check_manifest(const ReadView& view, std::string_view key, std::string_view value) {
  KeyReader parts(key);
  const std::string_view repository = parts.text();
  const auto digest = parts.digest();
  const auto row = rows::decode(value);
  if (!digest || !parts.complete() || !row) return malformed("a manifest");
  const std::string who = slipway::format("manifest {} of {}", digest->to_string(), repository);
  SLIPWAY_TRY(Finding finding, check_content(view, *digest, row->size, who));
  if (finding) return finding;
  for (const Digest& named : row->named) {
    SLIPWAY_TRY(const bool there, is_there(view, Key(key_space::named_by)
                                                     .text(repository)
                                                     .digest(named)
                                                     .digest(*digest)));
    if (!there)
      return Finding(slipway::format("{} names {}, and no row says so", who, named.to_string()));
  }
  if (row->subject) {
    SLIPWAY_TRY(const bool there, is_there(view, Key(key_space::referrer)
                                                     .text(repository)
                                                     .digest(*row->subject)
                                                     .digest(*digest)));
    if (!there)
      return Finding(slipway::format("{} is missing among the referrers of {}", who,
                                     row->subject->to_string()));
  }
  return check_holder_and_repository(view, repository, *digest, who);
}

/// The manifest's row, decoded; nullopt when it is not there or malformed.
Result<std::optional<rows::ManifestRow>> manifest_row(const ReadView& view,
                                                      std::string_view repository,
                                                      const Digest& digest) {
  SLIPWAY_TRY(const auto value,
              view.get(Key(key_space::manifest).text(repository).digest(digest)));
  if (!value) return std::optional<rows::ManifestRow>();
  auto row = rows::decode(*value);
  return row ? std::optional(std::move(*row)) : std::nullopt;
}

Result<Finding> check_named_by(const ReadView& view, std::string_view key) {
  KeyReader parts(key);
  const std::string_view repository = parts.text();
  const auto named = parts.digest();
  const auto digest = parts.digest();
  if (!named || !digest || !parts.complete()) return malformed("what a manifest names");
  SLIPWAY_TRY(const auto row, manifest_row(view, repository, *digest));
  if (row && std::find(row->named.begin(), row->named.end(), *named) != row->named.end())
    return Finding();
  return Finding(slipway::format("a row of {} says that manifest {} names {}, and it does not",
                                 repository, digest->to_string(), named->to_string()));
}

Result<Finding> check_tag(const ReadView& view, std::string_view key, std::string_view value) {
  KeyReader parts(key);
  const std::string_view repository = parts.text();
  const std::string_view tag = parts.text();
  const auto digest = Digest::from_binary(value);
  if (!parts.complete() || !digest) return malformed("a tag");
  SLIPWAY_TRY(const bool there,
              is_there(view, Key(key_space::manifest).text(repository).digest(*digest)));
  if (!there)
    return Finding(slipway::format("tag {}:{} names manifest {}, which is not there", repository,
                                   tag, digest->to_string()));
  SLIPWAY_TRY(const bool listed, is_there(view, Key(key_space::tag_of_manifest)
                                                    .text(repository)
                                                    .digest(*digest)
                                                    .text(tag)));
  if (listed) return Finding();
  return Finding(slipway::format("tag {}:{} is missing among the tags of its manifest", repository,
                                 tag));
}

Result<Finding> check_tag_of_manifest(const ReadView& view, std::string_view key) {
  KeyReader parts(key);
  const std::string_view repository = parts.text();
  const auto digest = parts.digest();
  const std::string_view tag = parts.text();
  if (!digest || !parts.complete()) return malformed("a manifest's tag");
  SLIPWAY_TRY(const auto value, view.get(Key(key_space::tag).text(repository).text(tag)));
  if (value && *value == digest->to_binary()) return Finding();
  return Finding(slipway::format("manifest {} of {} is said to have the tag {}, and has not",
                                 digest->to_string(), repository, tag));
}

Result<Finding> check_referrer(const ReadView& view, std::string_view key) {
  KeyReader parts(key);
  const std::string_view repository = parts.text();
  const auto subject = parts.digest();
  const auto digest = parts.digest();
  if (!subject || !digest || !parts.complete()) return malformed("a referrer");
  SLIPWAY_TRY(const auto row, manifest_row(view, repository, *digest));
  if (row && row->subject == *subject) return Finding();
  return Finding(slipway::format("manifest {} of {} is listed as referrer of {}, and is none",
                                 digest->to_string(), repository, subject->to_string()));
}

}  // namespace

Result<Finding> check_row(const ReadView& view, std::string_view key, std::string_view value) {
  const std::string_view kind = key.substr(0, 2);
  if (kind == key_space::blob) return check_blob(view, key);
  if (kind == key_space::blob_link) return check_blob_link(view, key, value);
  if (kind == key_space::content_holder) return check_holder(view, key);
  if (kind == key_space::manifest) return check_manifest(view, key, value);
  if (kind == key_space::named_by) return check_named_by(view, key);
  if (kind == key_space::tag) return check_tag(view, key, value);
  if (kind == key_space::tag_of_manifest) return check_tag_of_manifest(view, key);
  if (kind == key_space::referrer) return check_referrer(view, key);
  return Finding();
}

}  // namespace slipway
