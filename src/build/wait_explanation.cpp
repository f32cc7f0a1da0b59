#include <slipway/build/wait_explanation.hpp>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "support/format.hpp"

namespace slipway {

namespace {

std::string_view plural(std::size_t count) { return count == 1 ? "" : "s"; }

/// Between 0 and 1: what of all workers is the tenant's while these others have builds.
double share_of(const SchedulingState& state, const SchedulingRules& rules, double weight) {
  double sum = 0;
  for (const auto& [name, tenant] : state.queue.tenants) sum += limits_of(rules, name).weight;
  return sum > 0 ? weight / sum : 1;
}

std::size_t claims_before(const SchedulingState& state, const std::string& tenant) {
  const auto found = state.claim_of.find(tenant);
  if (found == state.claim_of.end()) return 0;
  return static_cast<std::size_t>(
      std::distance(state.claims.begin(), state.claims.find(found->second)));
}

TenantStanding standing_of(const SchedulingState& state, const SchedulingRules& rules,
                           std::string_view name) {
  const TenantLimits& limits = limits_of(rules, name);
  TenantStanding standing;
  standing.name = name;
  standing.weight = limits.weight;
  standing.max_running = limits.max_running;
  const auto found = state.queue.tenants.find(name);
  if (found == state.queue.tenants.end()) return standing;
  standing.share = share_of(state, rules, limits.weight);
  standing.queued = found->second.queued;
  standing.running = found->second.leased;
  standing.ahead = claims_before(state, standing.name);
  return standing;
}

RepositoryStanding repository_standing(const SchedulingState& state, const SchedulingRules& rules,
                                       std::string_view tenant, std::string_view name) {
  RepositoryStanding standing;
  standing.name = name;
  standing.max_running = cap_of_repository(rules, name);
  const auto found = state.queue.tenants.find(tenant);
  if (found == state.queue.tenants.end()) return standing;
  const auto repository = found->second.repositories.find(name);
  if (repository == found->second.repositories.end()) return standing;
  standing.queued = repository->second.queued;
  standing.running = repository->second.leased;
  return standing;
}

BackendStanding backend_standing(const SchedulingState& state, const SchedulingRules& rules,
                                 const BackendSnapshot& backend) {
  const BackendRoom room = room_of(state, rules, backend);
  BackendStanding standing;
  standing.name = backend.name;
  standing.free = room.free;
  standing.total = room.total;
  standing.max_running = cap_of_backend(rules, backend.name);
  standing.why = room.why;
  standing.tried_again = backend.tried_again;
  if (const auto leased = state.queue.leased_by_backend.find(backend.name);
      leased != state.queue.leased_by_backend.end())
    standing.running = leased->second;
  return standing;
}

void say(WaitExplanation& told, WaitReason reason, std::string why, std::string starts) {
  told.reason = reason;
  told.why = std::move(why);
  told.starts = std::move(starts);
}

std::string at_cap(std::string_view kind, std::string_view name, std::size_t cap) {
  return slipway::format("{} {} is at its cap of {} running build{}", kind, name, cap, plural(cap));
}

std::string when_one_ends(std::string_view kind, std::string_view name, std::size_t running) {
  if (running == 0) return slipway::format("never, while the cap of {} {} is 0", kind, name);
  return running == 1
             ? slipway::format("when the running build of {} {} ends", kind, name)
             : slipway::format("when one of the {} running builds of {} {} ends", running, kind,
                               name);
}

std::string why_no_backend(const WaitExplanation& told) {
  std::string why;
  for (const BackendStanding& backend : told.backends)
    why.append(why.empty() ? "" : "; ")
        .append(slipway::format("backend {}: {}", backend.name, backend.why));
  return why;
}

/// It is the first of its tenant that no cap holds: is it a matter of room or of share?
void explain_room(const SchedulingState& state, const SchedulingRules& rules,
                  WaitExplanation& told) {
  if (told.backends.empty())
    return say(told, WaitReason::no_route,
               slipway::format("no route leads from {} to a backend", told.repository.name),
               "when the configuration has a route for it");
  const bool room = std::any_of(told.backends.begin(), told.backends.end(),
                                [](const BackendStanding& backend) { return backend.free > 0; });
  if (!room) {
    for (const BackendStanding& backend : told.backends)
      if (backend.tried_again && (!told.earliest || *backend.tried_again < *told.earliest))
        told.earliest = backend.tried_again;
    const bool all_left_alone = std::all_of(
        told.backends.begin(), told.backends.end(),
        [](const BackendStanding& backend) { return backend.tried_again.has_value(); });
    if (!all_left_alone) told.earliest.reset();
    return say(told, WaitReason::backends, why_no_backend(told),
               told.earliest ? slipway::format("when a backend can be used again: the next try is at {}",
                                               to_rfc3339(*told.earliest))
                             : std::string("when one of these backends has room"));
  }
  const auto next = choose_next(state, rules);
  if (!next || next->build == told.build || told.tenant.ahead == 0)
    return say(told, WaitReason::next, "it is next", "now");
  say(told, WaitReason::share,
      slipway::format("{} tenant{} with fewer builds running for {} weight before tenant {}",
                      told.tenant.ahead, plural(told.tenant.ahead),
                      told.tenant.ahead == 1 ? "its" : "their", told.tenant.name),
      "when it is its tenant's turn");
}

/// Are those before it held back by caps of their own repositories, which do not hold it?
bool is_first_to_go(const SchedulingState& state, const SchedulingRules& rules,
                    const Build& build) {
  const auto tenant = state.queue.tenants.find(build.tenant());
  if (tenant == state.queue.tenants.end()) return false;
  for (const QueueHead& head : tenant->second.front) {
    if (head.build == build.id) return true;
    const RepositoryStanding other =
        repository_standing(state, rules, build.tenant(), head.repository);
    if (!other.max_running || other.running < *other.max_running) return false;
  }
  return false;
}

void explain_queued(const SchedulingState& state, const SchedulingRules& rules, const Build& build,
                    WaitExplanation& told) {
  const std::string& tenant = told.tenant.name;
  if (build.not_before) {
    told.earliest = build.not_before;
    const std::string at = to_rfc3339(*build.not_before);
    return say(told, WaitReason::not_before,
               build.attempts.empty() ? slipway::format("it was asked to wait until {}", at)
                                      : slipway::format("it is tried again at {}", at),
               slipway::format("not before {}", at));
  }
  if (told.tenant.max_running && told.tenant.running >= *told.tenant.max_running)
    return say(told, WaitReason::tenant_cap, at_cap("tenant", tenant, *told.tenant.max_running),
               when_one_ends("tenant", tenant, told.tenant.running));
  const RepositoryStanding& repository = told.repository;
  if (repository.max_running && repository.running >= *repository.max_running)
    return say(told, WaitReason::repository_cap,
               at_cap("repository", repository.name, *repository.max_running),
               when_one_ends("repository", repository.name, repository.running));
  if (told.position.value_or(1) > 1 && !is_first_to_go(state, rules, build))
    return say(told, WaitReason::position,
               slipway::format("{} build{} of tenant {} {} before it", *told.position - 1,
                               plural(*told.position - 1), tenant,
                               *told.position == 2 ? "is" : "are"),
               "when those before it have started");
  explain_room(state, rules, told);
}

}  // namespace

std::string_view to_string(WaitReason reason) noexcept {
  static constexpr std::array<std::string_view, 9> names{
      "none",     "next",  "not_before", "tenant_cap", "repository_cap",
      "position", "share", "no_route",   "backends"};
  return names[static_cast<std::size_t>(reason)];
}

WaitExplanation explain_wait(const SchedulingState& state, const SchedulingRules& rules,
                             const Build& build, std::optional<std::size_t> position) {
  const std::string& repository = build.request.repository.str();
  WaitExplanation told;
  told.build = build.id;
  told.state = build.state;
  told.tenant = standing_of(state, rules, build.tenant());
  told.repository = repository_standing(state, rules, build.tenant(), repository);
  for (const BackendSnapshot* backend : backends_for(state, rules, repository))
    told.backends.push_back(backend_standing(state, rules, *backend));
  if (build.state != BuildState::queued) {
    told.why = slipway::format("it does not wait: it is {}", to_string(build.state));
    return told;
  }
  told.position = position;
  explain_queued(state, rules, build, told);
  return told;
}

QueueOverview overview_of(const SchedulingState& state, const SchedulingRules& rules) {
  QueueOverview overview;
  for (const auto& [name, tenant] : state.queue.tenants) {
    QueueOverview::Tenant shown;
    shown.standing = standing_of(state, rules, name);
    for (const auto& [repository, numbers] : tenant.repositories)
      shown.repositories.push_back(repository_standing(state, rules, name, repository));
    overview.tenants.push_back(std::move(shown));
  }
  for (const BackendSnapshot& backend : state.backends)
    overview.backends.push_back(backend_standing(state, rules, backend));
  return overview;
}

}  // namespace slipway
