// Templates of tags: what a trigger calls the images of a push.
//
//   {branch}     the branch, made a legal tag; not for git tags
//   {tag}        the git tag, made a legal tag; not for branches
//   {short_sha}  the first 7 characters of the commit
//   latest       only for the default branch
//
// Any other text stands for itself: "stable", "{branch}-{short_sha}".
//
// Thread safety: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <slipway/build/trigger.hpp>
#include <slipway/core/result.hpp>

namespace slipway {

/// A branch's or a git tag's own name: "main" of refs/heads/main. At most one is not empty.
struct PushedName {
  std::string_view branch;
  std::string_view tag;
};

/// nullopt for a ref that is neither.
std::optional<PushedName> pushed_name(std::string_view ref) noexcept;

/// Takes the "!" off a glob that names paths which do not count; false for one that does not.
bool take_exclusion(std::string_view& glob) noexcept;

/// Can it become a tag at all? Errors: invalid_argument.
Result<void> check_tag_template(std::string_view tag_template);

/// The tag for this push; nullopt when the template does not apply to it. A long name is cut so
/// that the whole keeps within a tag's 128 characters.
std::optional<std::string> expand_tag_template(std::string_view tag_template,
                                               const PushEvent& push);

}  // namespace slipway
