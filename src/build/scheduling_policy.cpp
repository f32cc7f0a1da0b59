#include <slipway/build/scheduling_policy.hpp>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include <slipway/auth/access_policy.hpp>

#include "support/format.hpp"

namespace slipway {

namespace {

const TenantSummary* find_tenant(const QueueSummary& queue, std::string_view name) {
  const auto found = queue.tenants.find(name);
  return found == queue.tenants.end() ? nullptr : &found->second;
}

double weight_of(const TenantLimits& limits) { return std::max(limits.weight, 1e-9); }

bool at_cap(const TenantLimits& limits, const TenantSummary& tenant) {
  return limits.max_running && tenant.leased >= *limits.max_running;
}

bool repository_at_cap(const SchedulingRules& rules, const TenantSummary& tenant,
                       std::string_view repository) {
  const auto cap = cap_of_repository(rules, repository);
  if (!cap) return false;
  const auto found = tenant.repositories.find(repository);
  return (found == tenant.repositories.end() ? 0 : found->second.leased) >= *cap;
}

const BackendSnapshot* find_backend(const SchedulingState& state, std::string_view name) {
  const auto found = std::find_if(state.backends.begin(), state.backends.end(),
                                  [&](const BackendSnapshot& known) { return known.name == name; });
  return found == state.backends.end() ? nullptr : &*found;
}

bool has_room(const SchedulingState& state, const SchedulingRules& rules,
              const BackendSnapshot& backend) {
  if (backend.room.free == 0) return false;
  const auto cap = cap_of_backend(rules, backend.name);
  if (!cap) return true;
  const auto leased = state.queue.leased_by_backend.find(backend.name);
  return (leased == state.queue.leased_by_backend.end() ? 0 : leased->second) < *cap;
}

/// Could it take builds, if not now?
bool is_of_use(const SchedulingRules& rules, const BackendSnapshot& backend) {
  return backend.works && cap_of_backend(rules, backend.name).value_or(1) > 0;
}

/// nullptr: none for now.
const BackendSnapshot* backend_for(const SchedulingState& state, const SchedulingRules& rules,
                                   const QueueHead& head) {
  const auto backends = backends_for(state, rules, head.repository);
  const bool elsewhere =
      !head.avoid.empty() &&
      std::any_of(backends.begin(), backends.end(), [&](const BackendSnapshot* backend) {
        return backend->name != head.avoid && is_of_use(rules, *backend);
      });
  for (const BackendSnapshot* backend : backends)
    if (has_room(state, rules, *backend) && !(elsewhere && backend->name == head.avoid))
      return backend;
  return nullptr;
}

std::optional<Choice> choose_of_tenant(const SchedulingState& state, const SchedulingRules& rules,
                                       const std::string& name) {
  const TenantSummary* tenant = find_tenant(state.queue, name);
  if (tenant == nullptr) return std::nullopt;
  for (const QueueHead& head : tenant->front) {
    if (repository_at_cap(rules, *tenant, head.repository)) continue;
    if (const BackendSnapshot* backend = backend_for(state, rules, head))
      return Choice{name, head.repository, head.build, backend->name};
  }
  return std::nullopt;
}

void rank_tenant(SchedulingState& state, const SchedulingRules& rules, const std::string& name) {
  if (const auto claim = state.claim_of.find(name); claim != state.claim_of.end()) {
    state.claims.erase(claim->second);
    state.claim_of.erase(claim);
  }
  if (const auto ready = state.ready_of.find(name); ready != state.ready_of.end()) {
    state.ready.erase({ready->second, name});
    state.ready_of.erase(ready);
  }
  const TenantSummary* tenant = find_tenant(state.queue, name);
  if (tenant == nullptr) return;
  if (tenant->next_ready) {
    state.ready.emplace(*tenant->next_ready, name);
    state.ready_of.emplace(name, *tenant->next_ready);
  }
  const TenantLimits& limits = limits_of(rules, name);
  if (tenant->front.empty() || at_cap(limits, *tenant)) return;
  Claim claim;
  claim.rounds = std::floor(static_cast<double>(tenant->leased) / weight_of(limits));
  claim.start = state.virtual_time;
  if (const auto next = state.next_start.find(name); next != state.next_start.end())
    claim.start = std::max(claim.start, next->second);
  claim.tenant = name;
  state.claims.insert(claim);
  state.claim_of.emplace(name, std::move(claim));
}

}  // namespace

void rank(SchedulingState& state, const SchedulingRules& rules) {
  for (const std::string& name : state.queue.changed) rank_tenant(state, rules, name);
}

std::optional<Choice> choose_next(const SchedulingState& state, const SchedulingRules& rules) {
  const bool room = std::any_of(
      state.backends.begin(), state.backends.end(),
      [&](const BackendSnapshot& backend) { return has_room(state, rules, backend); });
  if (!room) return std::nullopt;
  for (const Claim& claim : state.claims)
    if (auto choice = choose_of_tenant(state, rules, claim.tenant)) return choice;
  return std::nullopt;
}

void assume(SchedulingState& state, const SchedulingRules& rules, const Choice& choice) {
  if (const auto claim = state.claim_of.find(choice.tenant); claim != state.claim_of.end())
    state.virtual_time = std::max(state.virtual_time, claim->second.start);
  state.next_start[choice.tenant] =
      state.virtual_time + 1 / weight_of(limits_of(rules, choice.tenant));
  TenantSummary& tenant = state.queue.tenants.find(choice.tenant)->second;
  RepositorySummary now = tenant.repositories.find(choice.repository)->second;
  std::erase_if(now.heads, [&](const QueueHead& head) { return head.build == choice.build; });
  --now.queued;
  ++now.leased;
  state.queue.put(choice.repository, std::move(now), tenant.next_ready);
  ++state.queue.leased_by_backend[choice.backend];
  for (BackendSnapshot& backend : state.backends)
    if (backend.name == choice.backend && backend.room.free > 0) --backend.room.free;
  rank_tenant(state, rules, choice.tenant);
}

std::optional<Timestamp> next_wake(const SchedulingState& state) {
  if (state.ready.empty()) return std::nullopt;
  return state.ready.begin()->first;
}

const TenantLimits& limits_of(const SchedulingRules& rules, std::string_view tenant) {
  static const TenantLimits usual;
  const auto found = rules.tenants.find(tenant);
  return found == rules.tenants.end() ? usual : found->second;
}

std::optional<std::size_t> cap_of_repository(const SchedulingRules& rules,
                                             std::string_view repository) {
  for (const RepositoryLimits& limits : rules.repositories)
    if (matches_repository(limits.repository, repository)) return limits.max_running;
  return std::nullopt;
}

std::optional<std::size_t> cap_of_backend(const SchedulingRules& rules, std::string_view backend) {
  const auto found = rules.backends.find(backend);
  if (found == rules.backends.end()) return std::nullopt;
  return found->second;
}

std::vector<const BackendSnapshot*> backends_for(const SchedulingState& state,
                                                 const SchedulingRules& rules,
                                                 std::string_view repository) {
  std::vector<const BackendSnapshot*> found;
  if (rules.routes.empty()) {
    for (const BackendSnapshot& backend : state.backends) found.push_back(&backend);
    return found;
  }
  for (const BackendRoute& route : rules.routes) {
    if (!matches_repository(route.repository, repository)) continue;
    for (const std::string& name : route.backends)
      if (const BackendSnapshot* backend = find_backend(state, name)) found.push_back(backend);
    break;
  }
  return found;
}

BackendRoom room_of(const SchedulingState& state, const SchedulingRules& rules,
                    const BackendSnapshot& backend) {
  BackendRoom room = backend.room;
  if (const auto cap = cap_of_backend(rules, backend.name)) {
    const auto found = state.queue.leased_by_backend.find(backend.name);
    const std::size_t leased = found == state.queue.leased_by_backend.end() ? 0 : found->second;
    const std::size_t left = *cap - std::min(*cap, leased);
    if (left == 0 && room.free > 0)
      room.why = slipway::format("at its cap of {} running build{}", *cap, *cap == 1 ? "" : "s");
    room.free = static_cast<unsigned>(std::min<std::size_t>(room.free, left));
  }
  if (room.free == 0 && room.why.empty()) room.why = "no room";
  if (room.free > 0) room.why.clear();
  return room;
}

}  // namespace slipway
