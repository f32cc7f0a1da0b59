#include "tests/crash/row_check.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <slipway/support/hasher.hpp>

#include "registry/rows.hpp"
#include "storage/key_space.hpp"

namespace slipway::crash {

namespace {

using key_space::Key;

/// Takes a key apart from its front.
class KeyReader {
 public:
  explicit KeyReader(std::string_view key) : rest_(key.substr(2)) {}

  std::string text() {
    const std::size_t end = rest_.find('\0');
    if (end == std::string_view::npos) return fail();
    const std::string part(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return part;
  }
  /// In its binary form.
  std::string digest() {
    const bool is_sha256 = rest_.starts_with('\1');
    const std::size_t size = is_sha256 ? 33 : 65;
    if (rest_.size() < size || (!is_sha256 && !rest_.starts_with('\2'))) return fail();
    const std::string part(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return part;
  }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  std::string fail() {
    failed_ = true;
    rest_ = {};
    return {};
  }

  std::string_view rest_;
  bool failed_ = false;
};

class RowCheck {
 public:
  RowCheck(const BlobStore& blobs, Violations& violations)
      : blobs_(blobs), violations_(violations) {}

  Result<void> run() {
    SLIPWAY_TRY(const auto view, blobs_.metadata().snapshot());
    SLIPWAY_TRY(const auto cursor, view->cursor());
    SLIPWAY_TRY(bool found, cursor->seek(""));
    while (found) {
      rows_.emplace(cursor->key(), cursor->value());
      SLIPWAY_TRY(found, cursor->next());
    }
    for (const auto& [key, value] : rows_) check(key, value);
    return {};
  }

 private:
  void check(const std::string& key, const std::string& value) {
    const std::string kind = key.substr(0, 2);
    KeyReader reader(key);
    if (kind == key_space::blob) return check_blob(reader, value);
    if (kind == key_space::blob_link) return check_blob_link(reader, value);
    if (kind == key_space::content_holder) return check_holder(reader);
    if (kind == key_space::manifest) return check_manifest(reader, value);
    if (kind == key_space::named_by) return check_named(reader);
    if (kind == key_space::tag) return check_tag(reader, value);
    if (kind == key_space::tag_of_manifest) return check_tag_of(reader);
    if (kind == key_space::referrer) return check_referrer(reader);
  }

  static std::string shown(const std::string& digest) {
    const auto parsed = Digest::from_binary(digest);
    return parsed ? parsed->to_string() : "a digest of " + std::to_string(digest.size()) + " bytes";
  }
  static std::string key_of(std::string_view kind, const std::string& repository,
                            const std::string& rest) {
    return Key(kind).text(repository).str() + rest;
  }
  [[nodiscard]] const std::string* row(const std::string& key) const {
    const auto found = rows_.find(key);
    return found == rows_.end() ? nullptr : &found->second;
  }
  void require(bool holds, const std::string& what) {
    if (!holds) violations_.push_back({std::string(invariant::links), what});
  }

  void check_blob(KeyReader& reader, const std::string& value) {
    const std::string digest = reader.digest();
    const std::string key = std::string(key_space::blob) + digest;
    const std::string content_key = key + std::string(key_space::blob_content) + '\0';
    if (!reader.at_end())
      return require(row(key) != nullptr && row(key)->size() == 17 && (*row(key))[8] == 1,
                     "bytes of " + shown(digest) + " without a record that says value");
    const bool is_value = value.size() == 17 && value[8] == 1;
    require(value.size() == 17, "the record of " + shown(digest) + " is malformed");
    require(is_value == (row(content_key) != nullptr),
            "the record of " + shown(digest) + " and its bytes are not at one");
    const auto parsed = Digest::from_binary(digest);
    if (!parsed) return require(false, "a record of no digest");
    const auto bytes = blobs_.read(*parsed, max_value_size);
    if (!bytes) return require(false, "content " + shown(digest) + ": " + bytes.error().message);
    if (digest_of(*bytes, parsed->algorithm()) != *parsed)
      violations_.push_back({std::string(invariant::digests), shown(digest)});
  }

  void check_blob_link(KeyReader& reader, const std::string& value) {
    const std::string repository = reader.text();
    const std::string digest = reader.digest();
    const std::string what = "blob " + shown(digest) + " of " + repository;
    const std::string* record = row(std::string(key_space::blob) + digest);
    require(record != nullptr, what + " is not in the store");
    require(record == nullptr || record->substr(0, 8) == value.substr(0, 8), what + ": its size");
    require(row(Key(key_space::repository).text(repository).str()) != nullptr,
            what + ": no repository");
    require(row(std::string(key_space::content_holder) + digest + repository + '\0') != nullptr,
            what + ": no holder");
  }

  void check_holder(KeyReader& reader) {
    const std::string digest = reader.digest();
    const std::string repository = reader.text();
    require(row(key_of(key_space::blob_link, repository, digest)) != nullptr ||
                row(key_of(key_space::manifest, repository, digest)) != nullptr,
            repository + " holds " + shown(digest) + ", and has no such blob or manifest");
  }

  void check_manifest(KeyReader& reader, const std::string& value) {
    const std::string repository = reader.text();
    const std::string digest = reader.digest();
    const std::string what = "manifest " + shown(digest) + " of " + repository;
    const auto manifest = rows::decode(value);
    if (!manifest) return require(false, what + ": " + manifest.error().message);
    require(row(std::string(key_space::blob) + digest) != nullptr, what + ": no bytes");
    require(row(Key(key_space::repository).text(repository).str()) != nullptr,
            what + ": no repository");
    require(row(std::string(key_space::content_holder) + digest + repository + '\0') != nullptr,
            what + ": no holder");
    for (const Digest& named : manifest->named)
      require(row(key_of(key_space::named_by, repository, named.to_binary() + digest)) != nullptr,
              what + " names " + named.to_string() + ", which does not know");
    if (manifest->subject)
      require(row(key_of(key_space::referrer, repository,
                         manifest->subject->to_binary() + digest)) != nullptr,
              what + " is not among its subject's referrers");
  }

  [[nodiscard]] std::optional<rows::ManifestRow> manifest(const std::string& repository,
                                                          const std::string& digest) const {
    const std::string* value = row(key_of(key_space::manifest, repository, digest));
    if (value == nullptr) return std::nullopt;
    const auto decoded = rows::decode(*value);
    return decoded ? std::optional(*decoded) : std::nullopt;
  }

  void check_named(KeyReader& reader) {
    const std::string repository = reader.text();
    const std::string named = reader.digest();
    const std::string digest = reader.digest();
    const auto by = manifest(repository, digest);
    bool does = false;
    if (by)
      for (const Digest& one : by->named) does = does || one.to_binary() == named;
    require(does, shown(named) + " is named by " + shown(digest) + " of " + repository +
                      ", which does not");
  }

  void check_tag(KeyReader& reader, const std::string& digest) {
    const std::string repository = reader.text();
    const std::string tag = reader.text();
    const std::string what = "tag " + repository + ":" + tag;
    require(manifest(repository, digest).has_value(), what + " leads to no manifest");
    require(row(key_of(key_space::tag_of_manifest, repository, digest + tag + '\0')) != nullptr,
            what + " is not among its manifest's tags");
  }

  void check_tag_of(KeyReader& reader) {
    const std::string repository = reader.text();
    const std::string digest = reader.digest();
    const std::string tag = reader.text();
    const std::string* value = row(key_of(key_space::tag, repository, tag + '\0'));
    require(value != nullptr && *value == digest,
            "manifest " + shown(digest) + " of " + repository + " is not tagged " + tag);
  }

  void check_referrer(KeyReader& reader) {
    const std::string repository = reader.text();
    const std::string subject = reader.digest();
    const std::string digest = reader.digest();
    const auto by = manifest(repository, digest);
    require(by && by->subject && by->subject->to_binary() == subject,
            shown(digest) + " of " + repository + " refers to " + shown(subject) +
                ", and is not there or does not");
  }

  const BlobStore& blobs_;
  Violations& violations_;
  std::map<std::string, std::string> rows_;
};

}  // namespace

Result<void> check_rows(const BlobStore& blobs, Violations& violations) {
  return RowCheck(blobs, violations).run();
}

}  // namespace slipway::crash
