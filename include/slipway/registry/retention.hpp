// Retention: which tags and which untagged manifests a registry need not keep.
//
// Without rules everything stays until somebody deletes it. A rule says which repositories it is
// for, and has up to two halves:
//   - tags: of the tags that it names, the last `keep_last` stay and those pushed within `keep_for`;
//     the others go. A rule that names tags and sets neither keeps them all.
//   - untagged_after: manifests without a tag go this long after they were last relied on: pushed,
//     left by a tag or by an index, asked for.
// For each tag the first rule that names it decides, and for the untagged manifests of a repository
// the first rule that says something about them.
//
// What is decided here is a pure function of what one snapshot of a repository says; the garbage
// collector carries it out.
//
// Thread safety: plain values.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <slipway/core/digest.hpp>
#include <slipway/core/timestamp.hpp>
#include <slipway/registry/lease.hpp>

namespace slipway {

/// The most that a rule can keep by number: so many names are in memory while it is decided.
inline constexpr std::size_t most_kept_tags = 100'000;

struct RetentionRule {
  std::string repositories = "**";  // a pattern, as of grants: `*` within a part, `**` across
  std::vector<std::string> tags = {};  // patterns; empty: all
  std::optional<std::size_t> keep_last = {};
  std::optional<std::chrono::milliseconds> keep_for = {};
  std::optional<std::chrono::milliseconds> untagged_after = {};

  /// Has it a half that is about tags, and is it about this one?
  [[nodiscard]] bool names_tag(std::string_view tag) const noexcept;
};

/// The rules for one repository, in their order.
std::vector<const RetentionRule*> rules_for(std::span<const RetentionRule> rules,
                                            std::string_view repository);

/// When manifests without a tag may go; nullopt: never.
std::optional<std::chrono::milliseconds> untagged_after(
    std::span<const RetentionRule* const> rules) noexcept;

/// The manifest that a tag such as "sha256-<hex>.sig" is about: tools keep signatures and lists of
/// referrers under such names. It is a companion of that manifest, not a version of its own.
std::optional<Digest> companion_of(std::string_view tag);

/// Which tags of a repository stay. Every tag is to be shown to `see` before `stays` is asked about
/// any. Companions stay as long as what they are about, and are not asked about here.
class TagRetention {
 public:
  /// The rules must outlive it.
  TagRetention(std::vector<const RetentionRule*> rules, Timestamp now);

  /// Does any tag go by these rules? Else nobody needs to be shown.
  [[nodiscard]] bool removes_any() const noexcept;

  void see(std::string_view tag, Timestamp pushed);
  [[nodiscard]] bool stays(std::string_view tag, Timestamp pushed) const;

 private:
  using Age = std::pair<Timestamp, std::string>;  // younger is greater; names break ties
  struct Decision {
    const RetentionRule* rule;
    std::vector<Age> last;  // the youngest keep_last that it names, a heap with the oldest first
  };
  [[nodiscard]] std::optional<std::size_t> decision_on(std::string_view tag) const noexcept;

  std::vector<Decision> decisions_;
  Timestamp now_;
};

/// What a snapshot says of a manifest.
struct ManifestUse {
  bool tagged = false;
  bool named = false;         // by an index that is here
  bool subject_here = false;  // it refers to a manifest that is here
  Timestamp renewed_at{};
};

/// Does a manifest go, where untagged ones go after that long?
[[nodiscard]] bool untagged_goes(const ManifestUse& use, std::chrono::milliseconds after,
                                 const LeaseTerms& lease, Timestamp now) noexcept;

}  // namespace slipway
