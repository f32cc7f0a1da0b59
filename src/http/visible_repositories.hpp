// The lists of repositories, as each caller may see them.
//
// A page has as many visible names as were asked for where there are so many, and says that more
// follow only when more visible ones do: what the caller may not pull shows in no way. Names that
// no grant's beginning fits are not read, so that who may see little does not walk over all.
//
// Thread safety: pure functions over the parts.
#pragma once

#include <cstddef>
#include <string_view>

#include <slipway/auth/access_policy.hpp>
#include <slipway/core/result.hpp>
#include <slipway/registry/registry.hpp>

namespace slipway {

struct WantedRepositories {
  std::string_view prefix;  // of their names
  std::string_view last;    // they are behind this one
  std::size_t limit;
};

/// `need` is the list's own, of kind list. Errors: io.
Result<RepositoryPage> visible_repositories(Registry& registry, const AccessPolicy& policy,
                                            const AccessNeed& need, const Identity& identity,
                                            const WantedRepositories& wanted);

}  // namespace slipway
