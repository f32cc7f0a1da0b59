// The step that carries out retention rules, one repository after the other.
#include <utility>

#include "registry/collection_pass.hpp"
#include "registry/rows.hpp"

namespace slipway {
namespace {

/// Rows that a transaction erases before it ends: a manifest with many layers counts for many.
constexpr std::size_t most_erased_rows = 1024;

Timestamp time_of(std::string_view number) {
  return Timestamp(
      std::chrono::milliseconds(static_cast<std::int64_t>(key_space::read_number(number))));
}

struct RepositoryState {
  RepositoryName name;
  Timestamp made{};  // the age of what an earlier version wrote without a time
};

struct TagRow {
  Digest manifest;
  std::string_view tag;  // within the key
  Timestamp pushed{};
};

/// Errors: corrupt.
Result<TagRow> read_tag_row(const RepositoryState& repository, std::string_view key,
                            std::string_view value) {
  const auto malformed = [] { return Error(ErrorCode::corrupt, "a row of a manifest's tag"); };
  key.remove_prefix(
      rows::in_repository(key_space::tag_of_manifest, repository.name.str()).str().size());
  if (key.empty()) return malformed();
  const auto algorithm = static_cast<DigestAlgorithm>(key.front());
  if (algorithm != DigestAlgorithm::sha256 && algorithm != DigestAlgorithm::sha512)
    return malformed();
  const std::size_t size = 1 + digest_size(algorithm);
  if (key.size() < size + 2 || (!value.empty() && value.size() != 8)) return malformed();
  SLIPWAY_TRY(const Digest manifest, Digest::from_binary(key.substr(0, size)));
  return TagRow{manifest, key.substr(size, key.size() - size - 1),
                value.empty() ? repository.made : time_of(value)};
}

/// Carries out the rules for one repository.
class RepositoryRetention {
 public:
  RepositoryRetention(CollectionPass& pass, RepositoryState repository,
                      std::vector<const RetentionRule*> rules)
      : pass_(pass),
        repository_(std::move(repository)),
        untagged_after_(untagged_after(rules)),
        tags_(std::move(rules), pass.now()) {}

  Result<void> run() {
    if (tags_.removes_any()) SLIPWAY_CHECK(see_tags());
    if (tags_.removes_any() || untagged_after_) SLIPWAY_CHECK(remove_tags());
    return untagged_after_ ? remove_untagged() : Result<void>();
  }

 private:
  /// All on one snapshot: what the rules are decided by.
  Result<void> see_tags() {
    const auto prefix = rows::in_repository(key_space::tag_of_manifest, repository_.name.str());
    SLIPWAY_TRY(const auto view, pass_.metadata().snapshot());
    SLIPWAY_TRY(const auto cursor, view->cursor());
    SLIPWAY_TRY(bool found, cursor->seek(prefix));
    while (found && cursor->key().starts_with(prefix)) {
      const auto row = read_tag_row(repository_, cursor->key(), cursor->value());
      if (row && !companion_of(row->tag)) tags_.see(row->tag, row->pushed);
      SLIPWAY_TRY(found, cursor->next());
    }
    return {};
  }

  Result<bool> tag_goes(const ReadView& view, const TagRow& row) const {
    const auto subject = companion_of(row.tag);
    if (!subject) return !tags_.stays(row.tag, row.pushed);
    if (!untagged_after_ || !pass_.has_run_out(row.pushed)) return false;
    SLIPWAY_TRY(const auto there, view.get(rows::manifest(repository_.name, *subject)));
    return !there;
  }

  Result<void> remove_tags() {
    const auto judge = [&](const ReadView& view, const Cursor& cursor) -> Result<bool> {
      SLIPWAY_TRY(const TagRow row, read_tag_row(repository_, cursor.key(), cursor.value()));
      return tag_goes(view, row);
    };
    const auto remove = [&](std::span<const std::string> keys) -> Result<void> {
      std::uint64_t removed = 0;
      const auto erase = [&](WriteTransaction& transaction) -> Result<void> {
        removed = 0;
        for (const std::string& key : keys) {
          SLIPWAY_TRY(const auto value, transaction.get(key));
          if (!value) continue;  // it moved or went
          SLIPWAY_TRY(const TagRow row, read_tag_row(repository_, key, *value));
          SLIPWAY_TRY(const bool goes, tag_goes(transaction, row));
          if (!goes) continue;
          SLIPWAY_CHECK(rows::erase_tag(transaction, repository_.name, row.tag, row.manifest,
                                        pass_.registry().lease(), pass_.wall_clock()));
          ++removed;
        }
        return {};
      };
      SLIPWAY_CHECK(pass_.metadata().write(erase));
      pass_.counts.tags += removed;
      return {};
    };
    std::string position;
    return pass_.walk(rows::in_repository(key_space::tag_of_manifest, repository_.name.str()),
                      position, judge, remove);
  }

  Result<bool> manifest_goes(const ReadView& view, std::string_view key,
                             std::string_view value) const {
    SLIPWAY_TRY(const rows::ManifestRow row, rows::decode_head(value));
    ManifestUse use;
    use.renewed_at = row.renewed_at.value_or(repository_.made);
    if (!untagged_goes(use, *untagged_after_, pass_.registry().lease(), pass_.now())) return false;
    const std::string_view rest = key.substr(key_space::manifest.size());
    SLIPWAY_TRY(use.tagged,
                rows::any(view, std::string(key_space::tag_of_manifest).append(rest)));
    SLIPWAY_TRY(use.named, rows::any(view, std::string(key_space::named_by).append(rest)));
    if (row.subject) {
      SLIPWAY_TRY(const auto subject, view.get(rows::manifest(repository_.name, *row.subject)));
      use.subject_here = subject.has_value();
    }
    return untagged_goes(use, *untagged_after_, pass_.registry().lease(), pass_.now());
  }

  /// Of the first keys as many as a transaction should; answers how many those were.
  Result<std::size_t> erase_some(WriteTransaction& transaction, std::span<const std::string> keys,
                                 std::uint64_t& removed) const {
    const std::size_t digest_at =
        rows::in_repository(key_space::manifest, repository_.name.str()).str().size();
    std::size_t erased_rows = 0;
    std::size_t seen = 0;
    while (seen < keys.size() && erased_rows < most_erased_rows) {
      const std::string& key = keys[seen++];
      SLIPWAY_TRY(const auto value, transaction.get(key));
      if (!value) continue;
      SLIPWAY_TRY(const bool goes, manifest_goes(transaction, key, *value));
      if (!goes) continue;
      SLIPWAY_TRY(const Digest digest,
                  Digest::from_binary(std::string_view(key).substr(digest_at)));
      SLIPWAY_TRY(const auto erased, rows::erase_manifest(transaction, repository_.name, digest,
                                                          pass_.registry().lease(),
                                                          pass_.wall_clock()));
      erased_rows += erased.value_or(0);
      ++removed;
    }
    return seen;
  }

  Result<void> remove_untagged() {
    const auto judge = [&](const ReadView& view, const Cursor& row) {
      return manifest_goes(view, row.key(), row.value());
    };
    const auto remove = [&](std::span<const std::string> keys) -> Result<void> {
      while (!keys.empty()) {
        std::size_t seen = 0;
        std::uint64_t removed = 0;
        const auto erase = [&](WriteTransaction& transaction) -> Result<void> {
          removed = 0;
          SLIPWAY_TRY(seen, erase_some(transaction, keys, removed));
          return {};
        };
        SLIPWAY_CHECK(pass_.metadata().write(erase));
        pass_.counts.manifests += removed;
        keys = keys.subspan(seen);
      }
      return {};
    };
    std::string position;
    return pass_.walk(rows::in_repository(key_space::manifest, repository_.name.str()), position,
                      judge, remove);
  }

  CollectionPass& pass_;
  const RepositoryState repository_;
  const std::optional<std::chrono::milliseconds> untagged_after_;
  TagRetention tags_;
};

/// The first repository behind `position`; nullopt when there is none. Errors: io, corrupt.
Result<std::optional<RepositoryState>> next_repository(CollectionPass& pass,
                                                       std::string& position) {
  const std::string_view prefix = key_space::repository;
  if (position < prefix) position = prefix;
  SLIPWAY_TRY(const auto view, pass.metadata().snapshot());
  SLIPWAY_TRY(const auto cursor, view->cursor());
  SLIPWAY_TRY(bool found, cursor->seek(position));
  if (found && cursor->key() == position) {
    SLIPWAY_TRY(found, cursor->next());
  }
  while (found && cursor->key().starts_with(prefix)) {
    position = cursor->key();
    auto name = RepositoryName::parse(rows::last_text(cursor->key(), prefix));
    if (name && cursor->value().size() == 8)
      return std::optional(RepositoryState{std::move(*name), time_of(cursor->value())});
    pass.note_failure("a repository's row", Error(ErrorCode::corrupt, "it is malformed"));
    SLIPWAY_TRY(found, cursor->next());
  }
  return std::optional<RepositoryState>();
}

}  // namespace

Result<void> collect_by_retention(CollectionPass& pass, std::string& position) {
  if (pass.options().retention.empty()) return {};
  while (true) {
    SLIPWAY_TRY(auto repository, next_repository(pass, position));
    if (!repository) return {};
    auto rules = rules_for(pass.options().retention, repository->name.str());
    if (rules.empty()) continue;
    SLIPWAY_CHECK(RepositoryRetention(pass, std::move(*repository), std::move(rules)).run());
  }
}

}  // namespace slipway
