#include "http/visible_repositories.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

constexpr std::size_t least_read_at_once = 100;

/// With what the names that `identity` may see can begin: ascending, none the beginning of another.
std::vector<std::string> beginnings(const AccessPolicy& policy, const AccessNeed& need,
                                    const Identity& identity) {
  if (policy.anonymous() != AnonymousAccess::none) return {""};
  std::vector<std::string> all;
  for (const Grant& grant : identity.grants)
    if (grant.actions.has(need.action))
      all.push_back(grant.repositories.substr(0, grant.repositories.find('*')));
  std::sort(all.begin(), all.end());
  std::vector<std::string> distinct;
  for (std::string& text : all)
    if (distinct.empty() || !text.starts_with(distinct.back())) distinct.push_back(std::move(text));
  return distinct;
}

}  // namespace

Result<RepositoryPage> visible_repositories(Registry& registry, const AccessPolicy& policy,
                                            const AccessNeed& need, const Identity& identity,
                                            const WantedRepositories& wanted) {
  RepositoryPage visible;
  if (wanted.limit == 0) return visible;
  for (const std::string& beginning : beginnings(policy, need, identity)) {
    const bool narrower = beginning.starts_with(wanted.prefix);
    if (!narrower && !wanted.prefix.starts_with(beginning)) continue;
    const std::string_view prefix = narrower ? std::string_view(beginning) : wanted.prefix;
    std::string last(wanted.last);
    for (bool more = true; more;) {
      const std::size_t missing = wanted.limit + 1 - visible.repositories.size();
      SLIPWAY_TRY(RepositoryPage page,
                  registry.repositories(prefix, last, std::max(missing, least_read_at_once)));
      more = page.more;
      if (more) last = page.repositories.back();
      for (std::string& name : page.repositories) {
        if (policy.decide(need, identity, {name, {}}) != AccessDecision::allowed) continue;
        visible.more = visible.repositories.size() == wanted.limit;
        if (visible.more) return visible;
        visible.repositories.push_back(std::move(name));
      }
    }
  }
  return visible;
}

}  // namespace slipway
