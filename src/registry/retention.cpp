#include <slipway/registry/retention.hpp>

#include <algorithm>

#include <slipway/auth/access_policy.hpp>

namespace slipway {
namespace {

bool is_about_tags(const RetentionRule& rule) noexcept {
  return !rule.tags.empty() || rule.keep_last || rule.keep_for;
}

}  // namespace

bool RetentionRule::names_tag(std::string_view tag) const noexcept {
  if (!is_about_tags(*this)) return false;
  return tags.empty() || std::any_of(tags.begin(), tags.end(), [&](const std::string& pattern) {
           return matches_repository(pattern, tag);
         });
}

std::vector<const RetentionRule*> rules_for(std::span<const RetentionRule> rules,
                                            std::string_view repository) {
  std::vector<const RetentionRule*> matching;
  for (const RetentionRule& rule : rules)
    if (matches_repository(rule.repositories, repository)) matching.push_back(&rule);
  return matching;
}

std::optional<std::chrono::milliseconds> untagged_after(
    std::span<const RetentionRule* const> rules) noexcept {
  for (const RetentionRule* rule : rules)
    if (rule->untagged_after) return rule->untagged_after;
  return std::nullopt;
}

std::optional<Digest> companion_of(std::string_view tag) {
  std::string text(tag.substr(0, tag.find('.')));
  const std::size_t dash = text.find('-');
  if (dash == std::string::npos) return std::nullopt;
  text[dash] = ':';
  const auto digest = Digest::parse(text);
  return digest ? std::optional(*digest) : std::nullopt;
}

TagRetention::TagRetention(std::vector<const RetentionRule*> rules, Timestamp now) : now_(now) {
  for (const RetentionRule* rule : rules)
    if (is_about_tags(*rule)) decisions_.push_back({rule, {}});
}

bool TagRetention::removes_any() const noexcept {
  return std::any_of(decisions_.begin(), decisions_.end(), [](const Decision& decision) {
    return decision.rule->keep_last || decision.rule->keep_for;
  });
}

std::optional<std::size_t> TagRetention::decision_on(std::string_view tag) const noexcept {
  for (std::size_t i = 0; i < decisions_.size(); ++i)
    if (decisions_[i].rule->names_tag(tag)) return i;
  return std::nullopt;
}

void TagRetention::see(std::string_view tag, Timestamp pushed) {
  const auto found = decision_on(tag);
  if (!found || !decisions_[*found].rule->keep_last) return;
  Decision& decision = decisions_[*found];
  const std::size_t most = std::min(*decision.rule->keep_last, most_kept_tags);
  decision.last.emplace_back(pushed, tag);
  std::push_heap(decision.last.begin(), decision.last.end(), std::greater<>());
  if (decision.last.size() <= most) return;
  std::pop_heap(decision.last.begin(), decision.last.end(), std::greater<>());
  decision.last.pop_back();
}

bool TagRetention::stays(std::string_view tag, Timestamp pushed) const {
  const auto found = decision_on(tag);
  if (!found) return true;
  const Decision& decision = decisions_[*found];
  const RetentionRule& rule = *decision.rule;
  if (!rule.keep_last && !rule.keep_for) return true;
  if (rule.keep_for && pushed > now_ - *rule.keep_for) return true;
  return rule.keep_last && !decision.last.empty() &&
         Age(pushed, tag) >= decision.last.front();
}

bool untagged_goes(const ManifestUse& use, std::chrono::milliseconds after, const LeaseTerms& lease,
                   Timestamp now) noexcept {
  if (use.tagged || use.named || use.subject_here) return false;
  // A renewal that was spared is younger than it looks: never too early.
  return lease.has_run_out(use.renewed_at, now) &&
         use.renewed_at <= now - after - lease.promised / 8;
}

}  // namespace slipway
