#include <slipway/auth/access_policy.hpp>

#include <algorithm>

#include "support/format.hpp"

namespace slipway {
namespace {

constexpr std::string_view every_repository = "**";

bool open_to_everyone(AnonymousAccess anonymous, Action action,
                      std::string_view repository) noexcept {
  if (repository.empty()) return false;
  switch (anonymous) {
    case AnonymousAccess::none: return false;
    case AnonymousAccess::pull: return action == Action::pull;
    case AnonymousAccess::push:
      return action == Action::pull || action == Action::push || action == Action::delete_;
  }
  return false;
}

bool grants(const Grant& grant, Action action, std::string_view repository) noexcept {
  if (!grant.actions.has(action)) return false;
  if (repository.empty()) return grant.repositories == every_repository;
  return matches_repository(grant.repositories, repository);
}

template <class List>
bool any_grants(const List& all, Action action, std::string_view repository) noexcept {
  return std::any_of(all.begin(), all.end(), [&](const Grant& grant) {
    return grants(grant, action, repository);
  });
}

bool within_scopes(const Identity& identity, Action action, std::string_view repository) noexcept {
  return identity.scopes == nullptr ||
         any_grants(identity.scopes->repositories, action, repository);
}

bool is_known(const Identity& identity) noexcept {
  return identity.kind != Identity::Kind::anonymous;
}

bool is_worker_of(const Identity& identity, std::string_view build) noexcept {
  return identity.kind == Identity::Kind::worker && identity.build == build;
}

Error not_known(const AccessNeed& need) {
  if (need.kind == AccessNeed::Kind::worker)
    return Error(ErrorCode::unauthenticated, "a worker's calls carry the token it registered for");
  return Error(ErrorCode::unauthenticated,
               slipway::format("{} needs a token; send one as password or as bearer token",
                               need.kind == AccessNeed::Kind::repository ? to_string(need.action)
                                                                         : "this"));
}

Error not_allowed(const AccessNeed& need, const Identity& identity, std::string_view repository) {
  if (need.kind == AccessNeed::Kind::worker)
    return Error(ErrorCode::denied, "only the worker of this build may call here");
  return Error(ErrorCode::denied,
               slipway::format("{} may not {} on {}; ask for a token that may", identity.name,
                               to_string(need.action),
                               repository.empty() ? "this server" : repository));
}

}  // namespace

std::optional<AnonymousAccess> parse_anonymous_access(std::string_view text) noexcept {
  if (text == "none") return AnonymousAccess::none;
  if (text == "pull") return AnonymousAccess::pull;
  if (text == "push") return AnonymousAccess::push;
  return std::nullopt;
}

AccessDecision AccessPolicy::decide(const AccessNeed& need, const Identity& identity,
                                    const AccessSubject& subject) const noexcept {
  using Kind = AccessNeed::Kind;
  const bool open = need.open && subject.repository.empty() && anonymous_ == AnonymousAccess::push;
  bool has = false;
  switch (need.kind) {
    case Kind::nobody: break;
    case Kind::everyone:
    case Kind::signature:
    case Kind::invitation: return AccessDecision::allowed;
    case Kind::greeting:
      has = is_known(identity) || open ||
            (anonymous_ == AnonymousAccess::pull && identity.scopes != nullptr);
      break;
    case Kind::known: has = is_known(identity); break;
    case Kind::list:
    case Kind::build:
      if (!subject.repository.empty())
        // The catalog's scope is one of its own, and was asked about already.
        has = allows(identity, need.action, subject.repository) ||
              (need.open && any_grants(identity.grants, need.action, subject.repository));
      else if (need.open && !open && identity.scopes != nullptr && !identity.scopes->catalog)
        return is_known(identity) ? AccessDecision::out_of_scope : AccessDecision::unauthenticated;
      else
        has = is_known(identity) || open;
      break;
    case Kind::repository:
      has = (is_known(identity) || need.open) && !subject.repository.empty() &&
            allows(identity, need.action, subject.repository);
      break;
    case Kind::worker: has = is_worker_of(identity, subject.build); break;
    case Kind::server: has = allows(identity, need.action, {}); break;
  }
  if (has) return AccessDecision::allowed;
  if (!is_known(identity)) return AccessDecision::unauthenticated;
  if (need.kind == Kind::repository && !subject.repository.empty() &&
      any_grants(identity.grants, need.action, subject.repository))
    return AccessDecision::out_of_scope;
  return need.hides ? AccessDecision::hidden : AccessDecision::denied;
}

Result<void> AccessPolicy::check(const AccessNeed& need, const Identity& identity,
                                 const AccessSubject& subject) const {
  switch (decide(need, identity, subject)) {
    case AccessDecision::allowed: return {};
    case AccessDecision::unauthenticated: return not_known(need);
    case AccessDecision::out_of_scope:
      return Error(ErrorCode::unauthenticated,
                   slipway::format("this bearer token was not asked for {} on {}; ask for one with "
                                   "that scope",
                                   to_string(need.action),
                                   subject.repository.empty() ? "the catalog" : subject.repository));
    case AccessDecision::denied: return not_allowed(need, identity, subject.repository);
    case AccessDecision::hidden: break;
  }
  return Error(ErrorCode::not_found, need.kind == AccessNeed::Kind::build
                                         ? slipway::format("there is no build {}", subject.build)
                                         : slipway::format("there is no repository {}",
                                                           subject.repository));
}

bool AccessPolicy::allows(const Identity& identity, Action action,
                          std::string_view repository) const noexcept {
  return open_to_everyone(anonymous_, action, repository) ||
         (any_grants(identity.grants, action, repository) &&
          within_scopes(identity, action, repository));
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
