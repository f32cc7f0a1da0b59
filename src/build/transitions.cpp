#include "build/transitions.hpp"

#include <algorithm>
#include <utility>

#include "support/format.hpp"

namespace slipway {

namespace {

Result<void> move_on(Build& build, BuildEvent event) {
  const auto next = next_state(build.state, event);
  if (!next)
    return Error(ErrorCode::conflict,
                 slipway::format("build {} is {}: \"{}\" does not apply to it", build.id,
                                 to_string(build.state), to_string(event)));
  build.state = *next;
  return {};
}

std::string worker_name(std::string_view build, std::uint64_t epoch) {
  std::string name = slipway::format("slipway-{}-{}", build, epoch);
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return name;
}

void end_attempt(Build& build, AttemptOutcome outcome, std::string_view reason, Timestamp now) {
  BuildAttempt& attempt = build.attempts.back();
  attempt.outcome = outcome;
  attempt.reason = reason;
  attempt.times.finished = now;
  build.phase.reset();
}

void end_build(Build& build, Timestamp now) {
  build.not_before.reset();
  build.waiting_since.reset();
  build.times.finished = now;
}

/// Back among the queued: nothing of the attempt is left in the build's own times.
void forget_times(Build& build) {
  BuildTimes times;
  times.queued = build.times.queued;
  build.times = times;
}

/// A time of the attempt, and so of the build whose latest attempt it is.
void mark(Build& build, std::optional<Timestamp> BuildTimes::*step, Timestamp now) {
  BuildTimes& attempt = build.attempts.back().times;
  if (attempt.*step) return;
  attempt.*step = now;
  build.times.*step = now;
}

BuildEvent event_of(FailureClass failure_class, bool tries_left) {
  switch (failure_class) {
    case FailureClass::user:
      return BuildEvent::failed_user;
    case FailureClass::timeout:
      return BuildEvent::failed_timeout;
    case FailureClass::infrastructure:
      break;
  }
  return tries_left ? BuildEvent::interrupted : BuildEvent::exhausted;
}

bool is_object_id(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

Result<void> lease_build(Build& build, std::string_view backend, Timestamp now) {
  if (build.not_before && now < *build.not_before)
    return Error(ErrorCode::conflict, slipway::format("build {} is not tried again before {}",
                                                      build.id, to_rfc3339(*build.not_before)));
  SLIPWAY_CHECK(move_on(build, BuildEvent::leased));
  build.not_before.reset();
  ++build.epoch;
  if (!build.attempts.empty() && build.attempts.back().outcome == AttemptOutcome::no_room)
    build.attempts.pop_back();  // it was no try: however often that happens, it is kept once
  BuildAttempt attempt;
  attempt.number = static_cast<unsigned>(build.attempts.size()) + 1;
  attempt.epoch = build.epoch;
  attempt.backend = backend;
  attempt.worker = worker_name(build.id, build.epoch);
  build.attempts.push_back(std::move(attempt));
  mark(build, &BuildTimes::leased, now);
  return {};
}

Result<void> note_started(Build& build, Timestamp now) {
  if (!is_leased(build.state))
    return Error(ErrorCode::conflict, slipway::format("build {} is {}: no worker of it can start",
                                                      build.id, to_string(build.state)));
  const auto registered = build.times.registered;
  mark(build, &BuildTimes::started, registered ? std::min(*registered, now) : now);
  return {};
}

Result<void> give_back(Build& build, Timestamp now) {
  SLIPWAY_CHECK(move_on(build, BuildEvent::no_room));
  end_attempt(build, AttemptOutcome::no_room, "no_room", now);
  forget_times(build);
  return {};
}

Result<void> register_attempt(Build& build, Timestamp now) {
  SLIPWAY_CHECK(move_on(build, BuildEvent::registered));
  mark(build, &BuildTimes::registered, now);
  return {};
}

Result<void> enter_phase(Build& build, BuildPhase phase, std::string_view commit, Timestamp now) {
  if (build.state != BuildState::running || (build.phase && phase < *build.phase))
    return Error(ErrorCode::conflict,
                 slipway::format("build {} is {}{}{}: it cannot begin {}", build.id,
                                 to_string(build.state), build.phase ? ", " : "",
                                 build.phase ? to_string(*build.phase) : "", to_string(phase)));
  if (!commit.empty() && !is_object_id(commit))
    return Error(ErrorCode::invalid_argument, "commit: expected 40 or 64 lower-case hex digits");
  auto* git = std::get_if<GitSource>(&build.request.source);
  if (git != nullptr && git->commit.empty()) git->commit = commit;
  build.phase = phase;
  if (phase >= BuildPhase::building) mark(build, &BuildTimes::fetched, now);
  if (phase >= BuildPhase::pushing) mark(build, &BuildTimes::built, now);
  return {};
}

Result<void> succeed_build(Build& build, const Digest& digest, Timestamp now) {
  SLIPWAY_CHECK(move_on(build, BuildEvent::succeeded));
  mark(build, &BuildTimes::pushed, now);
  end_attempt(build, AttemptOutcome::succeeded, "", now);
  build.digest = digest;
  end_build(build, now);
  return {};
}

Result<void> fail_build(Build& build, const BuildFailure& failure, AttemptOutcome outcome,
                        const RetryTerms& terms, Timestamp now) {
  const bool tries_left =
      !terms.costs_try || build.failed_attempts + 1 < terms.max_failed_attempts;
  SLIPWAY_CHECK(move_on(build, event_of(failure.failure_class, tries_left)));
  if (terms.costs_try) ++build.failed_attempts;
  end_attempt(build, outcome, failure.reason, now);
  if (build.state == BuildState::queued) {
    forget_times(build);
    build.not_before = now + terms.delay;
  } else {
    build.failure = failure;
    end_build(build, now);
  }
  return {};
}

unsigned losses_with_server(const Build& build) {
  return static_cast<unsigned>(
      std::count_if(build.attempts.begin(), build.attempts.end(), [](const BuildAttempt& attempt) {
        return attempt.reason == lost_with_server_reason;
      }));
}

Result<void> expire_build(Build& build, const BuildFailure& failure, Timestamp now) {
  if (build.state != BuildState::queued)
    return Error(ErrorCode::conflict, slipway::format("build {} does not wait", build.id));
  SLIPWAY_CHECK(move_on(build, BuildEvent::failed_timeout));
  build.failure = failure;
  end_build(build, now);
  return {};
}

Timestamp waiting_since(const Build& build) {
  Timestamp since = build.times.queued.value_or(Timestamp());
  for (const auto& later : {build.waiting_since, build.not_before})
    since = std::max(since, later.value_or(since));
  return since;
}

Result<void> cancel_build(Build& build, std::string_view reason, std::string_view successor,
                          Timestamp now) {
  const bool out = is_leased(build.state);
  SLIPWAY_CHECK(move_on(build, BuildEvent::cancelled));
  if (out) end_attempt(build, AttemptOutcome::cancelled, reason, now);
  build.cancel_reason = reason;
  build.superseded_by = successor;
  end_build(build, now);
  return {};
}

Result<void> end_backoff(Build& build) {
  if (build.state != BuildState::queued)
    return Error(ErrorCode::conflict, slipway::format("build {} does not wait", build.id));
  build.waiting_since = std::exchange(build.not_before, std::nullopt);
  return {};
}

std::chrono::milliseconds retry_delay(unsigned failed_attempts, double jitter,
                                      const BuildQueueOptions& options) {
  std::chrono::milliseconds delay = options.first_retry_delay;
  for (unsigned n = 1; n < failed_attempts && delay < options.last_retry_delay; ++n) delay *= 2;
  delay = std::min(delay, options.last_retry_delay);
  return std::chrono::ceil<std::chrono::milliseconds>(delay * (1.0 - 0.5 * jitter));
}

}  // namespace slipway
