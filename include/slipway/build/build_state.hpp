// The life of a build: its states, what can happen to it, and the one table that joins them.
//
//              lease             registered           succeeded / user / timeout
//   queued ------------> starting ---------> running ------------------------------> the end
//     ^                     |                   |
//     +---- no_room --------+                   |
//     +---- lost, infrastructure (tries left) --+        cancel ends it from any state but an end,
//                                                        and the queue's deadline one that waits
//
// A transition that is not in the table does not exist: whoever asks for it gets a conflict.
//
// Thread safety: constants and pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace slipway {

enum class BuildState : std::uint8_t { queued, starting, running, succeeded, failed, cancelled };

/// What a running build is doing.
enum class BuildPhase : std::uint8_t { fetching, building, pushing };

enum class FailureClass : std::uint8_t {
  user,            // the Dockerfile, the source, a RUN: final at once
  infrastructure,  // a worker lost, a node gone, no space: tried again
  timeout,         // the build took longer than it may: final
};

/// How an attempt ended.
enum class AttemptOutcome : std::uint8_t {
  succeeded,
  user,
  infrastructure,
  timeout,
  cancelled,
  lost,     // nothing was heard of it any more
  no_room,  // the backend had no capacity after all: costs no try
};

enum class BuildEvent : std::uint8_t {
  leased,          // the scheduler took it for a backend
  no_room,         // the backend had none
  registered,      // the worker called
  succeeded,       // the worker reports a digest
  failed_user,     // the worker reports a failure of class user
  failed_timeout,  // by the worker, or by a deadline: of the queue, the build or its log
  interrupted,     // infrastructure failed or the worker is lost, and tries are left
  exhausted,       // the same, and none are left
  cancelled,       // by a person, or superseded
};

struct BuildTransition {
  BuildState from;
  BuildEvent event;
  BuildState to;
};

inline constexpr std::array build_transitions{
    BuildTransition{BuildState::queued, BuildEvent::leased, BuildState::starting},
    BuildTransition{BuildState::queued, BuildEvent::failed_timeout, BuildState::failed},
    BuildTransition{BuildState::queued, BuildEvent::cancelled, BuildState::cancelled},
    BuildTransition{BuildState::starting, BuildEvent::no_room, BuildState::queued},
    BuildTransition{BuildState::starting, BuildEvent::registered, BuildState::running},
    BuildTransition{BuildState::starting, BuildEvent::interrupted, BuildState::queued},
    BuildTransition{BuildState::starting, BuildEvent::exhausted, BuildState::failed},
    BuildTransition{BuildState::starting, BuildEvent::cancelled, BuildState::cancelled},
    BuildTransition{BuildState::running, BuildEvent::succeeded, BuildState::succeeded},
    BuildTransition{BuildState::running, BuildEvent::failed_user, BuildState::failed},
    BuildTransition{BuildState::running, BuildEvent::failed_timeout, BuildState::failed},
    BuildTransition{BuildState::running, BuildEvent::interrupted, BuildState::queued},
    BuildTransition{BuildState::running, BuildEvent::exhausted, BuildState::failed},
    BuildTransition{BuildState::running, BuildEvent::cancelled, BuildState::cancelled},
};

/// Where the event leads; nullopt where the table has no such row.
constexpr std::optional<BuildState> next_state(BuildState from, BuildEvent event) noexcept {
  for (const BuildTransition& row : build_transitions)
    if (row.from == from && row.event == event) return row.to;
  return std::nullopt;
}

/// Succeeded, failed, cancelled: nothing happens to it any more.
constexpr bool is_final(BuildState state) noexcept {
  return state == BuildState::succeeded || state == BuildState::failed ||
         state == BuildState::cancelled;
}

/// Starting or running: an attempt is out.
constexpr bool is_leased(BuildState state) noexcept {
  return state == BuildState::starting || state == BuildState::running;
}

std::string_view to_string(BuildState state) noexcept;
std::string_view to_string(BuildPhase phase) noexcept;
std::string_view to_string(FailureClass failure_class) noexcept;
std::string_view to_string(AttemptOutcome outcome) noexcept;
std::string_view to_string(BuildEvent event) noexcept;
std::optional<BuildState> parse_build_state(std::string_view text) noexcept;
std::optional<BuildPhase> parse_build_phase(std::string_view text) noexcept;
std::optional<FailureClass> parse_failure_class(std::string_view text) noexcept;
std::optional<AttemptOutcome> parse_attempt_outcome(std::string_view text) noexcept;

}  // namespace slipway
