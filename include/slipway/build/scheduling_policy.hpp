// Which build next, and where: pure functions of a snapshot.
//
// Weighted fair share: a round is as many attempts out as the tenant's weight, and the next build is
// of a tenant with the fewest whole rounds out, so that long builds cannot crowd others out. Among
// those, starts are in proportion to the weights, by virtual time as in start-time fair queueing
// (Goyal, Vin and Cheng, 1996): each start moves its tenant 1/weight on, and who comes back after a
// while has saved nothing up. Then by name. So shares are right on one worker as on many. Within a tenant the highest
// priority first, then the oldest; one that a cap or its route holds back holds back its
// repository's others on the same way, and nobody else.
//
// A build that the infrastructure failed on one backend goes to another of its route, and waits for
// room there, as long as another works; a node on which everything fails at once would otherwise
// take every retry.
//
// Thread safety: pure functions over plain values.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <slipway/build/backend.hpp>
#include <slipway/build/build.hpp>
#include <slipway/build/queue_summary.hpp>
#include <slipway/core/timestamp.hpp>

namespace slipway {

struct TenantLimits {
  double weight = 1;
  std::optional<std::size_t> max_running;
};

/// First match; each repository that it names has the cap for itself.
struct RepositoryLimits {
  std::string repository = "**";  // a pattern as in auth/identity.hpp
  std::optional<std::size_t> max_running;
};

/// First match; a list of backends is tried in order.
struct BackendRoute {
  std::string repository = "**";  // a pattern as in auth/identity.hpp
  std::vector<std::string> backends;
};

struct SchedulingRules {
  std::map<std::string, TenantLimits, std::less<>> tenants;
  std::vector<RepositoryLimits> repositories;
  std::map<std::string, std::size_t, std::less<>> backends;  // the most builds at once on each
  std::vector<BackendRoute> routes;  // empty: every backend, in its order
};

struct BackendSnapshot {
  std::string name;
  BackendRoom room;
  bool works = true;  // false: its last call failed
  std::optional<Timestamp> tried_again = {};  // set while it is left alone: it failed, or was full
};

/// A tenant's place among the others: the least is served first.
struct Claim {
  double rounds = 0;  // whole ones that it has out
  double start = 0;   // in virtual time
  std::string tenant;

  friend auto operator<=>(const Claim&, const Claim&) = default;
};

struct SchedulingState {
  QueueSummary queue;
  std::vector<BackendSnapshot> backends;
  std::map<std::string, double, std::less<>> next_start;  // tenants: in virtual time
  double virtual_time = 0;                                // the start of the one served last

  // Kept by rank(): tenants that have builds to start and are below their caps, and when the others
  // of each tenant become ready.
  std::set<Claim> claims;
  std::map<std::string, Claim, std::less<>> claim_of;
  std::set<std::pair<Timestamp, std::string>> ready;
  std::map<std::string, Timestamp, std::less<>> ready_of;
};

struct Choice {
  std::string tenant;
  std::string repository;
  std::string build;
  std::string backend;
};

/// Gives the tenants of `state.queue.changed` their new places. After each refresh of the queue.
void rank(SchedulingState& state, const SchedulingRules& rules);

/// nullopt: nothing can start now.
std::optional<Choice> choose_next(const SchedulingState& state, const SchedulingRules& rules);

/// The state as it is when the choice was carried out, so that several can be made at once.
void assume(SchedulingState& state, const SchedulingRules& rules, const Choice& choice);

/// When waiting may end by time alone: the earliest not-before.
std::optional<Timestamp> next_wake(const SchedulingState& state);

// ---- what a person is told, from the same parts ----

const TenantLimits& limits_of(const SchedulingRules& rules, std::string_view tenant);
std::optional<std::size_t> cap_of_repository(const SchedulingRules& rules,
                                             std::string_view repository);
std::optional<std::size_t> cap_of_backend(const SchedulingRules& rules, std::string_view backend);

/// Where builds of the repository may go, the preferred first.
std::vector<const BackendSnapshot*> backends_for(const SchedulingState& state,
                                                 const SchedulingRules& rules,
                                                 std::string_view repository);

/// The backend's room with its cap counted in; `why` is set when there is none.
BackendRoom room_of(const SchedulingState& state, const SchedulingRules& rules,
                    const BackendSnapshot& backend);

}  // namespace slipway
