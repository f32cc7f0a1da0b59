#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <slipway/build/trigger.hpp>

#include "build/trigger_templates.hpp"
#include "pattern/pattern.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

constexpr std::array<std::string_view, 4> skip_markers{"[skip build]", "[build skip]", "[skip ci]",
                                                       "[ci skip]"};

/// ASCII only, as the markers are.
std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::optional<IgnoredEvent> skipped_by_message(const PushEvent& push) {
  if (!push.head) return std::nullopt;
  const std::string message = lower_case(push.head->message);
  for (const std::string_view marker : skip_markers)
    if (message.find(marker) != std::string::npos)
      return IgnoredEvent{"commit message says " + std::string(marker)};
  return std::nullopt;
}

/// nullopt: the ref is wanted.
std::optional<IgnoredEvent> refused_by_ref(const TriggerRequest& request, const PushEvent& push) {
  const auto name = pushed_name(push.ref);
  if (!name) return IgnoredEvent{"ref " + push.ref + " is neither a branch nor a tag"};
  const bool is_branch = !name->branch.empty();
  const std::string& expression = is_branch ? request.branches : request.git_tags;
  const std::string_view value = is_branch ? name->branch : name->tag;
  const std::string what = (is_branch ? "branch " : "tag ") + std::string(value);
  if (expression.empty())
    return IgnoredEvent{
        what + (is_branch ? ": this trigger builds no branches" : ": this trigger builds no tags")};
  const auto pattern = Pattern::compile(expression);
  if (!pattern) return IgnoredEvent{pattern.error().message};
  if (pattern->matches(value)) return std::nullopt;
  return IgnoredEvent{what + " does not match \"" + expression + "\""};
}

/// A payload that does not tell what changed may have changed anything.
bool touches(const std::vector<std::string>& globs, const std::vector<std::string>& changed) {
  if (globs.empty() || changed.empty()) return true;
  std::vector<Pattern> wanted;
  std::vector<Pattern> unwanted;
  for (std::string_view glob : globs) {
    const bool excludes = take_exclusion(glob);
    auto pattern = Pattern::compile_glob(glob);
    if (pattern) (excludes ? unwanted : wanted).push_back(std::move(*pattern));
  }
  return std::any_of(changed.begin(), changed.end(), [&](const std::string& path) {
    const auto matches = [&](const Pattern& pattern) { return pattern.matches(path); };
    return (wanted.empty() || std::any_of(wanted.begin(), wanted.end(), matches)) &&
           std::none_of(unwanted.begin(), unwanted.end(), matches);
  });
}

/// Without repeats: two templates may give the same tag.
std::vector<std::string> tags_of(const TriggerRequest& request, const PushEvent& push) {
  std::vector<std::string> tags;
  for (const std::string& tag_template : request.tags)
    if (auto tag = expand_tag_template(tag_template, push);
        tag && std::find(tags.begin(), tags.end(), *tag) == tags.end())
      tags.push_back(std::move(*tag));
  return tags;
}

}  // namespace

std::variant<BuildRequest, IgnoredEvent> match_trigger(const Trigger& trigger,
                                                       const PushEvent& push) {
  const TriggerRequest& wanted = trigger.request;
  if (trigger.health.paused)
    return IgnoredEvent{slipway::format(
        "this trigger is paused since {}: its last {} builds failed, each by its own source or "
        "Dockerfile; mend that and resume it: slipway trigger resume {} {}",
        to_rfc3339(*trigger.health.paused), trigger.health.failures_in_a_row,
        wanted.repository.str(), trigger.id)};
  if (auto ignored = refused_by_ref(wanted, push)) return *ignored;
  if (auto ignored = skipped_by_message(push)) return *ignored;
  if (!touches(wanted.paths, push.changed_paths))
    return IgnoredEvent{"no changed path matches the trigger's paths"};

  BuildRequest request(wanted.repository, GitSource{wanted.git_url, push.ref, push.commit});
  request.tags = tags_of(wanted, push);
  // A request without tags would get "latest", which this push has no claim to.
  if (request.tags.empty())
    return IgnoredEvent{"none of the trigger's tags applies to " + push.ref};
  request.commit = push.head;
  request.trigger = BuildTrigger{trigger.id, std::string(to_string(wanted.provider)), push.delivery,
                                 wanted.supersede};
  request.context = wanted.context;
  request.dockerfile = wanted.dockerfile;
  return request;
}

}  // namespace slipway
