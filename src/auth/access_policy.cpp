#include <slipway/auth/access_policy.hpp>

#include <algorithm>

#include "support/format.hpp"

namespace slipway {
namespace {

bool open_to_everyone(AnonymousAccess anonymous, Action action,
                      std::string_view repository) noexcept {
  switch (anonymous) {
    case AnonymousAccess::none: return false;
    case AnonymousAccess::pull: return action == Action::pull && !repository.empty();
    case AnonymousAccess::push:
      return action == Action::pull || action == Action::push || action == Action::delete_;
  }
  return false;
}

bool grants(const Grant& grant, Action action, std::string_view repository) noexcept {
  if (!grant.actions.has(action)) return false;
  if (repository.empty() && action == Action::pull) return true;  // the catalog, filtered later
  return matches_repository(grant.repositories, repository);
}

}  // namespace

std::optional<AnonymousAccess> parse_anonymous_access(std::string_view text) noexcept {
  if (text == "none") return AnonymousAccess::none;
  if (text == "pull") return AnonymousAccess::pull;
  if (text == "push") return AnonymousAccess::push;
  return std::nullopt;
}

bool AccessPolicy::allows(const Identity& identity, Action action,
                          std::string_view repository) const noexcept {
  return open_to_everyone(anonymous_, action, repository) ||
         std::any_of(
             identity.grants.begin(), identity.grants.end(),
             [&](const Grant& grant) { return grants(grant, action, repository); });
}

bool AccessPolicy::admits(const Identity& identity) const noexcept {
  return anonymous_ != AnonymousAccess::none || identity.kind != Identity::Kind::anonymous;
}

Result<void> AccessPolicy::check(const Identity& identity, Action action,
                                 std::string_view repository) const {
  if (allows(identity, action, repository)) return {};
  const std::string_view where = repository.empty() ? "this server" : repository;
  if (identity.kind == Identity::Kind::anonymous)
    return Error(ErrorCode::unauthenticated,
                 slipway::format("{} on {} needs a token; send one as password or as bearer token",
                                 to_string(action), where));
  return Error(ErrorCode::denied, slipway::format("{} may not {} on {}; ask for a token that may",
                                                  identity.name, to_string(action), where));
}

bool matches_repository(std::string_view pattern, std::string_view repository) noexcept {
  constexpr std::size_t none = std::string_view::npos;
  struct Star {
    std::size_t behind = none;  // where the pattern goes on
    std::size_t taken = 0;      // where the text goes on
  };
  Star single, any;
  std::size_t p = 0, t = 0;
  while (true) {
    if (pattern.substr(p).starts_with("**")) {
      any = {p += 2, t};
      single = {};
    } else if (p < pattern.size() && pattern[p] == '*') {
      single = {++p, t};
    } else if (p < pattern.size() && t < repository.size() && pattern[p] == repository[t]) {
      ++p;
      ++t;
    } else if (p == pattern.size() && t == repository.size()) {
      return true;
    } else if (single.behind != none && single.taken < repository.size() &&
               repository[single.taken] != '/') {
      p = single.behind;
      t = ++single.taken;
    } else if (any.behind != none && any.taken < repository.size()) {
      p = any.behind;
      t = ++any.taken;
      single = {};
    } else {
      return false;
    }
  }
}

}  // namespace slipway
