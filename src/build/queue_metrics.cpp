#include "build/queue_metrics.hpp"

#include <array>

namespace slipway {

namespace {

constexpr std::array bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,   0.25, 0.5,
                            1.0,   2.5,    5.0,   10.0, 30.0,  60.0, 120.0, 300.0};

/// What a finished build is counted as: its state, or for a failed one the failure's class.
std::string_view outcome_of(const Build& build) {
  return build.failure ? to_string(build.failure->failure_class) : to_string(build.state);
}

bool reached(const BuildAttempt& attempt, const Build& before,
             std::optional<Timestamp> BuildTimes::*step) {
  const bool same = !before.attempts.empty() && before.attempts.back().epoch == attempt.epoch;
  return attempt.times.*step && !(same && before.attempts.back().times.*step);
}

}  // namespace

void QueueMetrics::note(const Build& before, const Build& after) {
  if (is_final(after.state) && !is_final(before.state))
    metrics_
        .counter("slipway_builds_total", "Builds that have ended, by outcome.",
                 {{"outcome", std::string(outcome_of(after))}})
        .add();
  if (after.attempts.empty()) return;
  const BuildAttempt& attempt = after.attempts.back();
  const BuildTimes& times = attempt.times;
  const auto queued = after.times.queued;
  const bool known = !before.attempts.empty() && before.attempts.back().epoch == attempt.epoch;
  if (attempt.outcome && !(known && before.attempts.back().outcome))
    metrics_
        .counter("slipway_build_attempts_total", "Attempts that have ended, by backend and outcome.",
                 {{"backend", attempt.backend},
                  {"outcome", std::string(to_string(*attempt.outcome))}})
        .add();
  if (reached(attempt, before, &BuildTimes::leased) && attempt.number == 1 && queued)
    observe(attempt, "leased", *queued, *times.leased);
  if (reached(attempt, before, &BuildTimes::started) && times.leased)
    observe(attempt, "started", *times.leased, *times.started);
  if (reached(attempt, before, &BuildTimes::registered) && times.leased) {
    observe(attempt, "registered", times.started.value_or(*times.leased), *times.registered);
    if (attempt.number == 1 && queued) observe(attempt, "total", *queued, *times.registered);
  }
}

void QueueMetrics::observe(const BuildAttempt& attempt, std::string_view step, Timestamp from,
                           Timestamp to) {
  metrics_
      .histogram("slipway_build_start_seconds",
                 "Time from one step of a build's start to the next, and in total from queued to "
                 "registered.",
                 bounds, {{"backend", attempt.backend}, {"step", std::string(step)}})
      .observe(std::chrono::duration<double>(to - from).count());
}

}  // namespace slipway
