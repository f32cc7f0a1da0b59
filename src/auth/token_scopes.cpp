#include <algorithm>
#include <array>
#include <utility>

#include <slipway/auth/bearer_tokens.hpp>
#include <slipway/core/reference.hpp>

namespace slipway {
namespace {

constexpr std::size_t most_repositories = 64;
constexpr std::string_view catalog_scope = "registry:catalog:*";

/// What a client can ask for on a repository.
constexpr std::array repository_actions{Action::pull, Action::push, Action::delete_};

/// Takes what is before the next separator off the front.
std::string_view take(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

Actions parse_actions(std::string_view text) {
  Actions actions;
  while (!text.empty()) {
    const std::string_view name = take(text, ',');
    for (const Action action : repository_actions)
      if (name == "*" || name == to_string(action)) actions.add(action);
  }
  return actions;
}

bool is_empty(const Actions& actions) { return actions == Actions(); }

/// One repository once, with all that is asked for it.
void add(std::vector<Grant>& all, std::string_view name, const Actions& actions) {
  auto place = std::find_if(all.begin(), all.end(),
                            [&](const Grant& grant) { return grant.repositories == name; });
  if (place == all.end()) place = all.insert(place, Grant{std::string(name), {}});
  for (const Action action : repository_actions)
    if (actions.has(action)) place->actions.add(action);
}

/// "repository:<name>:<actions>", perhaps with a class: "repository(plugin):…".
void read_repository_scope(std::string_view scope, std::vector<Grant>& all) {
  const std::string_view type = take(scope, ':');
  if (type != "repository" && !type.starts_with("repository(")) return;
  const std::size_t colon = scope.rfind(':');
  if (colon == std::string_view::npos) return;
  const Actions actions = parse_actions(scope.substr(colon + 1));
  const auto name = RepositoryName::parse(scope.substr(0, colon));
  if (name && !is_empty(actions)) add(all, name->str(), actions);
}

}  // namespace

Result<TokenScopes> parse_scopes(std::string_view text) {
  TokenScopes scopes;
  while (!text.empty()) {
    const std::string_view scope = take(text, ' ');
    if (scope == catalog_scope)
      scopes.catalog = true;
    else
      read_repository_scope(scope, scopes.repositories);
    if (scopes.repositories.size() > most_repositories)
      return Error(ErrorCode::too_large,
                   "a bearer token is for at most 64 repositories; ask for several tokens");
  }
  return scopes;
}

std::string to_string(const TokenScopes& scopes) {
  std::string text;
  for (const Grant& grant : scopes.repositories) {
    text.append(text.empty() ? "" : " ").append("repository:").append(grant.repositories);
    char separator = ':';
    for (const Action action : repository_actions) {
      if (!grant.actions.has(action)) continue;
      text.append(1, std::exchange(separator, ',')).append(to_string(action));
    }
  }
  if (scopes.catalog) text.append(text.empty() ? "" : " ").append(catalog_scope);
  return text;
}

TokenScopes within(const TokenScopes& asked, const Identity& identity, const AccessPolicy& policy) {
  TokenScopes granted;
  for (const Grant& grant : asked.repositories) {
    Actions actions;
    for (const Action action : repository_actions)
      if (grant.actions.has(action) && policy.allows(identity, action, grant.repositories))
        actions.add(action);
    if (!is_empty(actions)) granted.repositories.push_back({grant.repositories, actions});
  }
  granted.catalog = asked.catalog && identity.kind != Identity::Kind::anonymous;
  return granted;
}

}  // namespace slipway
