// What each event does to a build, as functions of values: no store, no clock.
//
// Each goes through next_state() of build_state.hpp: an event that the table does not know for the
// build's state is a conflict and changes nothing.
//
// Thread safety: pure functions.
#pragma once

#include <chrono>
#include <string_view>

#include <slipway/build/build.hpp>
#include <slipway/build/build_queue.hpp>
#include <slipway/core/result.hpp>

namespace slipway {

/// Errors: conflict (not queued, or its backoff is not over).
Result<void> lease_build(Build& build, std::string_view backend, Timestamp now);

/// The backend accepted the worker; may come after the worker has registered. Errors: conflict.
Result<void> note_started(Build& build, Timestamp now);

/// Errors: conflict.
Result<void> give_back(Build& build, Timestamp now);

/// Errors: conflict.
Result<void> register_attempt(Build& build, Timestamp now);

/// Phases only go forward; one may be repeated. Errors: conflict, invalid_argument (commit).
Result<void> enter_phase(Build& build, BuildPhase phase, std::string_view commit, Timestamp now);

/// Errors: conflict.
Result<void> succeed_build(Build& build, const Digest& digest, Timestamp now);

struct RetryTerms {
  unsigned max_failed_attempts = 4;
  std::chrono::milliseconds delay{0};  // how long a try that is left waits
  bool costs_try = true;
};

/// Errors: conflict.
Result<void> fail_build(Build& build, const BuildFailure& failure, AttemptOutcome outcome,
                        const RetryTerms& terms, Timestamp now);

/// The reason of attempts that were lost with the server; how many the build has.
inline constexpr std::string_view lost_with_server_reason = "server_lost";
unsigned losses_with_server(const Build& build);

/// It waited for too long. Errors: conflict (it does not wait).
Result<void> expire_build(Build& build, const BuildFailure& failure, Timestamp now);

/// Since when it has been waiting for a place; a time to come while its not-before is. REQUIRES: it
/// is queued.
Timestamp waiting_since(const Build& build);

/// `successor`: the build that supersedes it; may be empty. Errors: conflict.
Result<void> cancel_build(Build& build, std::string_view reason, std::string_view successor,
                          Timestamp now);

/// Its place among those that may start now. Errors: conflict (not queued).
Result<void> end_backoff(Build& build);

/// Doubling with each failed try, at most options.last_retry_delay, then shortened by up to half:
/// `jitter` is from 0 to 1.
std::chrono::milliseconds retry_delay(unsigned failed_attempts, double jitter,
                                      const BuildQueueOptions& options);

}  // namespace slipway
