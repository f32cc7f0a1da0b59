#include <slipway/build/scheduling_policy.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

#include <slipway/auth/access_policy.hpp>

#include "support/format.hpp"

namespace slipway {

namespace {

const TenantLimits& limits_of(const SchedulingRules& rules, std::string_view tenant) {
  static const TenantLimits usual;
  const auto found = rules.tenants.find(tenant);
  return found == rules.tenants.end() ? usual : found->second;
}

bool at_cap(const TenantLimits& limits, const TenantSummary& tenant) {
  return limits.max_running && tenant.leased >= *limits.max_running;
}

const BackendSnapshot* find_backend(const SchedulingState& state, std::string_view name) {
  const auto found = std::find_if(state.backends.begin(), state.backends.end(),
                                  [&](const BackendSnapshot& known) { return known.name == name; });
  return found == state.backends.end() ? nullptr : &*found;
}

/// Where builds of the repository may go, the preferred first.
std::vector<const BackendSnapshot*> candidates(const SchedulingState& state,
                                               const SchedulingRules& rules,
                                               std::string_view repository) {
  std::vector<const BackendSnapshot*> found;
  if (rules.routes.empty()) {
    for (const BackendSnapshot& backend : state.backends) found.push_back(&backend);
    return found;
  }
  for (const Route& route : rules.routes) {
    if (!matches_repository(route.repository, repository)) continue;
    for (const std::string& name : route.backends)
      if (const BackendSnapshot* backend = find_backend(state, name)) found.push_back(backend);
    break;
  }
  return found;
}

const BackendSnapshot* first_with_room(const SchedulingState& state, const SchedulingRules& rules,
                                       std::string_view repository) {
  for (const BackendSnapshot* backend : candidates(state, rules, repository))
    if (backend->room.free > 0) return backend;
  return nullptr;
}

/// What fair share compares: less is served first.
struct Claim {
  double load = 0;  // attempts out for the tenant's weight
  std::uint64_t served = 0;

  friend auto operator<=>(const Claim&, const Claim&) = default;
};

Claim claim_of(const SchedulingState& state, const TenantLimits& limits, std::string_view name,
               const TenantSummary& tenant) {
  Claim claim;
  claim.load = static_cast<double>(tenant.leased) / std::max(limits.weight, 1e-9);
  if (const auto turn = state.last_served.find(name); turn != state.last_served.end())
    claim.served = turn->second;
  return claim;
}

}  // namespace

std::optional<Choice> choose_next(const SchedulingState& state, const SchedulingRules& rules) {
  std::optional<Choice> best;
  Claim best_claim;
  for (const auto& [name, tenant] : state.queue.tenants) {  // by name: ties go to the first
    const TenantLimits& limits = limits_of(rules, name);
    if (!tenant.head || at_cap(limits, tenant)) continue;
    const Claim claim = claim_of(state, limits, name, tenant);
    if (best && !(claim < best_claim)) continue;
    const BackendSnapshot* backend = first_with_room(state, rules, tenant.head->repository);
    if (backend == nullptr) continue;
    best = Choice{name, tenant.head->build, backend->name};
    best_claim = claim;
  }
  return best;
}

std::optional<Timestamp> next_wake(const SchedulingState& state) {
  std::optional<Timestamp> earliest;
  for (const auto& [name, tenant] : state.queue.tenants)
    if (!tenant.head && tenant.next_ready && (!earliest || *tenant.next_ready < *earliest))
      earliest = tenant.next_ready;
  return earliest;
}

std::string explain_wait(const SchedulingState& state, const SchedulingRules& rules,
                         const Build& build) {
  const auto found = state.queue.tenants.find(build.tenant());
  if (build.state != BuildState::queued || found == state.queue.tenants.end())
    return slipway::format("it does not wait: it is {}", to_string(build.state));
  const auto& [name, tenant] = *found;
  const TenantLimits& limits = limits_of(rules, name);
  if (at_cap(limits, tenant))
    return slipway::format("tenant {} is at its cap of {} running build{}", name,
                           *limits.max_running, *limits.max_running == 1 ? "" : "s");
  if (build.not_before)
    return slipway::format("it is tried again at {}", to_rfc3339(*build.not_before));
  if (tenant.head && tenant.head->build != build.id)
    return slipway::format("{} of tenant {} is before it", tenant.head->build, name);

  const auto backends = candidates(state, rules, build.request.repository.str());
  if (backends.empty())
    return slipway::format("no route leads from {} to a backend", build.request.repository.str());
  std::string why;
  for (const BackendSnapshot* backend : backends) {
    if (backend->room.free > 0) return "it is next";
    why.append(why.empty() ? "" : "; ")
        .append(slipway::format("backend {}: {}", backend->name,
                                backend->room.why.empty() ? "no room" : backend->room.why));
  }
  return why;
}

}  // namespace slipway
