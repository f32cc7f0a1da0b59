// Why a build waits, in words and in fields; and the queue as people see it. Pure functions of the
// snapshot that decisions are made of, so what is told is what was decided.
//
// Thread safety: pure functions over plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/build/build.hpp>
#include <slipway/build/scheduling_policy.hpp>
#include <slipway/core/timestamp.hpp>

namespace slipway {

/// What keeps a build from starting now: the first that does.
enum class WaitReason : std::uint8_t {
  none,            // it does not wait
  next,            // nothing: it starts at once
  not_before,      // its time has not come: as asked for, or after a failed attempt
  tenant_cap,      // its tenant is at its cap
  repository_cap,  // its repository is at its cap
  position,        // builds of its own tenant are before it
  share,           // there is room, and other tenants have a greater claim to it
  no_route,        // no route leads from its repository to a backend
  backends,        // there is no room on any backend of its route
};
std::string_view to_string(WaitReason reason) noexcept;

struct TenantStanding {
  std::string name;
  double weight = 1;
  double share = 0;  // of all workers, among the tenants that have builds now: 0 to 1
  std::size_t queued = 0;
  std::size_t running = 0;  // starting or running
  std::optional<std::size_t> max_running;
  std::size_t ahead = 0;  // tenants that are served before it now
};

struct RepositoryStanding {
  std::string name;
  std::size_t queued = 0;
  std::size_t running = 0;
  std::optional<std::size_t> max_running;
};

struct BackendStanding {
  std::string name;
  unsigned free = 0;        // workers that could start now, caps counted in
  unsigned total = 0;       // 0: no limit that is known
  std::size_t running = 0;  // attempts out on it
  std::optional<std::size_t> max_running;
  std::string why;  // when free is 0
  std::optional<Timestamp> tried_again;  // it is left alone until then
};

struct WaitExplanation {
  std::string build;
  BuildState state = BuildState::queued;
  WaitReason reason = WaitReason::none;
  std::string why;                       // "tenant app is at its cap of 2 running builds"
  std::string starts;                    // "when one of the 2 running builds of tenant app ends"
  std::optional<Timestamp> earliest;     // it cannot start before; where a time is known
  std::optional<std::size_t> position;   // in its tenant's queue, from 1
  TenantStanding tenant;
  RepositoryStanding repository;
  std::vector<BackendStanding> backends;  // of its route, in their order
};

/// `position`: as BuildQueue::position.
WaitExplanation explain_wait(const SchedulingState& state, const SchedulingRules& rules,
                             const Build& build, std::optional<std::size_t> position);

struct QueueOverview {
  struct Tenant {
    TenantStanding standing;
    std::vector<RepositoryStanding> repositories;
  };
  std::vector<Tenant> tenants;  // by name
  std::vector<BackendStanding> backends;
};
QueueOverview overview_of(const SchedulingState& state, const SchedulingRules& rules);

}  // namespace slipway
