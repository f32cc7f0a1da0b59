// Which build next, and where: pure functions of a snapshot.
//
// Weighted fair share: the next build is of the tenant with the fewest attempts out for its weight;
// ties go to the one that was served longest ago, then to the name. Within a tenant the highest
// priority first, then the oldest; a tenant's head that finds no room holds back those behind it.
//
// Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
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

/// First match; a list of backends is tried in order.
struct Route {
  std::string repository = "**";  // a pattern as in auth/identity.hpp
  std::vector<std::string> backends;
};

struct SchedulingRules {
  std::map<std::string, TenantLimits, std::less<>> tenants;
  std::vector<Route> routes;  // empty: every backend, in its order
};

struct BackendSnapshot {
  std::string name;
  BackendRoom room;
};

struct SchedulingState {
  QueueSummary queue;
  std::vector<BackendSnapshot> backends;
  std::map<std::string, std::uint64_t, std::less<>> last_served;  // tenant: turn number
};

struct Choice {
  std::string tenant;
  std::string build;
  std::string backend;
};

/// nullopt: nothing can start now.
std::optional<Choice> choose_next(const SchedulingState& state, const SchedulingRules& rules);

/// When waiting may end by time alone: the earliest not-before of a tenant without a head.
std::optional<Timestamp> next_wake(const SchedulingState& state);

/// Why a queued build waits, for people: "tenant app is at its cap of 2 running builds".
std::string explain_wait(const SchedulingState& state, const SchedulingRules& rules,
                         const Build& build);

}  // namespace slipway
