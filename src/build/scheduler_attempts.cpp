// What becomes of attempts that are out, and of workers whose attempts are over.

#include <algorithm>
#include <utility>

#include "build/build_scheduler.hpp"
#include "support/format.hpp"
#include "support/wake_time.hpp"

#include <slipway/core/quantity.hpp>

namespace slipway {

namespace {

constexpr std::chrono::milliseconds after_error{1000};
constexpr std::chrono::milliseconds last_stop_backoff{60'000};
/// How long a worker that has reported may clean up before it is stopped.
constexpr std::chrono::milliseconds clean_up_time{10'000};
/// The worker keeps to its timeout itself and reports what it was doing; the server waits for that.
constexpr std::chrono::milliseconds timeout_slack{30'000};

}  // namespace

void BuildScheduler::track(const Build& build, bool adopted) {
  const BuildAttempt& latest = build.attempts.back();
  Attempt attempt;
  attempt.credential = {build.id, latest.epoch};
  attempt.backend = latest.backend;
  attempt.worker = latest.worker;
  attempt.since = clock_.monotonic();
  attempt.adopted = adopted;
  attempt.there = adopted;
  Attempt& tracked = attempts_.insert_or_assign(latest.worker, std::move(attempt)).first->second;
  if (build.state == BuildState::running) begin_running(tracked);
}

// ---- messages ----

bool BuildScheduler::take_messages() {
  const std::vector<SchedulerMessage> messages = inbox_->take();
  for (const SchedulerMessage& message : messages) on_message(message);
  return !messages.empty();
}

void BuildScheduler::on_message(const SchedulerMessage& message) {
  const std::string& backend = message.backend;
  if (const auto* event = std::get_if<BackendEvent>(&message.what))
    on_event(backend, *event);
  else if (const auto* started = std::get_if<StartEnded>(&message.what))
    on_start_ended(backend, *started);
  else if (const auto* stopped = std::get_if<StopEnded>(&message.what))
    on_stop_ended(backend, *stopped);
  else if (const auto* listed = std::get_if<WorkersListed>(&message.what))
    on_listed(backend, *listed);
  else
    backends_.find(backend)->second.room = std::get<RoomRead>(message.what).room;
}

void BuildScheduler::on_event(const std::string& name, const BackendEvent& event) {
  Backend& backend = backends_.find(name)->second;
  if (event.kind == BackendEvent::Kind::started) return;
  if (event.kind == BackendEvent::Kind::room) {
    backend.blocked_until.reset();
    return read_room(backend);
  }
  const bool ended = event.kind == BackendEvent::Kind::exited;
  if (const auto found = attempts_.find(event.worker); found != attempts_.end())
    interrupt(found->second, ended ? AttemptOutcome::lost : AttemptOutcome::infrastructure,
              ended ? "worker_lost" : "cannot_start",
              slipway::format("worker {} {}: {}", event.worker,
                              ended ? "ended without a report" : "cannot start", event.detail));
  if (!attempts_.contains(event.worker)) leave(event.worker, name, {}, true);
}

void BuildScheduler::read_room(Backend& backend) {
  backend.lane->call(BackendLane::Urgency::other, [inbox = inbox_](BuildBackend& called) {
    inbox->post(SchedulerMessage{std::string(called.name()), RoomRead{called.room()}});
  });
}

// ---- attempts that are out ----

void BuildScheduler::refresh_standings() {
  std::vector<WorkerCredential> credentials;
  std::vector<std::string> workers;
  for (const auto& [worker, attempt] : attempts_) {
    if (attempt.standing == AttemptStanding::over) continue;
    credentials.push_back(attempt.credential);
    workers.push_back(worker);
  }
  const auto standings = queue_.standings(credentials);
  if (!standings) {
    log_.error("attempts not read", {{"error", standings.error().message}});
    return look_again(clock_.monotonic() + after_error);
  }
  for (std::size_t i = 0; i < workers.size(); ++i) {
    Attempt& attempt = attempts_.find(workers[i])->second;
    const AttemptStanding now = (*standings)[i];
    if (now == AttemptStanding::over)
      end_of(workers[i], grace_of(attempt));
    else if (now == AttemptStanding::running && attempt.standing != now)
      begin_running(attempt);
  }
}

void BuildScheduler::begin_running(Attempt& attempt) {
  attempt.standing = AttemptStanding::running;
  attempt.since = clock_.monotonic();
  if (options_.idle_log_timeout) attempt.output_since = attempt.since;
  const auto build = queue_.find(attempt.credential.build);
  if (!build || !build->request.timeout) return;
  const Timestamp now = clock_.now();
  const std::chrono::milliseconds left =
      build->times.registered.value_or(now) + *build->request.timeout - now;
  attempt.run_deadline =
      clock_.monotonic() + std::max(left, std::chrono::milliseconds(0)) + timeout_slack;
}

MonotonicTime BuildScheduler::deadline_of(const Attempt& attempt) const {
  if (attempt.standing == AttemptStanding::over) return MonotonicTime::max();  // start is awaited
  MonotonicTime deadline = attempt.since + options_.start_timeout;
  if (attempt.standing == AttemptStanding::running)
    deadline = attempt.since + options_.silence_timeout;
  if (attempt.run_deadline) deadline = std::min(deadline, *attempt.run_deadline);
  if (attempt.output_since)
    deadline = std::min(deadline, *attempt.output_since + *options_.idle_log_timeout);
  return std::max(deadline, attempt.held_until);
}

void BuildScheduler::check_deadlines() {
  const MonotonicTime now = clock_.monotonic();
  std::vector<std::string> due;
  for (const auto& [worker, attempt] : attempts_)
    if (now >= deadline_of(attempt)) due.push_back(worker);
  for (const std::string& worker : due) check_deadline(attempts_.find(worker)->second);
}

void BuildScheduler::check_deadline(Attempt& attempt) {
  const MonotonicTime now = clock_.monotonic();
  if (attempt.run_deadline && now >= *attempt.run_deadline)
    return time_out(attempt, "timeout", "the build took longer than it may");
  if (attempt.standing == AttemptStanding::starting)
    return interrupt(attempt, AttemptOutcome::lost, "start_timeout",
                     slipway::format("worker {} did not register within {}", attempt.worker,
                                     format_duration(options_.start_timeout)));
  if (attempt.output_since && now >= *attempt.output_since + *options_.idle_log_timeout)
    return check_output(attempt);
  if (const auto heard = queue_.last_heard(attempt.credential); heard && *heard > attempt.since) {
    attempt.since = *heard;
    return;
  }
  interrupt(attempt, AttemptOutcome::lost, "worker_lost",
            slipway::format("worker {} was not heard of for {}", attempt.worker,
                            format_duration(options_.silence_timeout)));
}

void BuildScheduler::check_output(Attempt& attempt) {
  const auto last = queue_.last_output(attempt.credential);
  const auto build = queue_.find(attempt.credential.build);
  if (last && *last > *attempt.output_since)
    attempt.output_since = *last;
  else if (build && build->phase == BuildPhase::pushing)  // which says nothing for as long as it takes
    attempt.output_since = clock_.monotonic();
  else
    time_out(attempt, "idle_log",
             slipway::format("its log stood still for {}",
                             format_duration(*options_.idle_log_timeout)));
}

void BuildScheduler::time_out(Attempt& attempt, std::string_view reason,
                              const std::string& message) {
  const auto ended = queue_.timed_out(attempt.credential, reason, message);
  settle(attempt, ended ? Result<void>() : Result<void>(ended.error()));
}

void BuildScheduler::expire_waiting() {
  if (!options_.queue_timeout || clock_.monotonic() < expire_at_) return;
  const auto next = queue_.expire(*options_.queue_timeout);
  if (!next) {
    log_.error("builds that wait too long not ended", {{"error", next.error().message}});
    expire_at_ = clock_.monotonic() + after_error;
    return;
  }
  expire_at_ = wake_time(clock_, next->value_or(clock_.now() + *options_.queue_timeout));
}

void BuildScheduler::give_up(Attempt& attempt) {
  const auto given = queue_.no_room(attempt.credential);
  if (given || given.error().code == ErrorCode::conflict)
    attempts_.erase(std::string(attempt.worker));
  else
    settle(attempt, given);
}

void BuildScheduler::interrupt(Attempt& attempt, AttemptOutcome outcome, std::string_view reason,
                               const std::string& message) {
  const auto ended = queue_.interrupted(attempt.credential, outcome, reason, message);
  if (ended)
    log_.warning("attempt interrupted", {{"build", attempt.credential.build},
                                         {"worker", attempt.worker},
                                         {"reason", std::string(reason)},
                                         {"message", message},
                                         {"state", std::string(to_string(ended->state))}});
  settle(attempt, ended ? Result<void>() : Result<void>(ended.error()));
}

void BuildScheduler::settle(Attempt& attempt, const Result<void>& result) {
  if (result || result.error().code == ErrorCode::conflict ||
      result.error().code == ErrorCode::not_found)
    return end_of(std::string(attempt.worker), {});
  log_.error("attempt not ended", {{"worker", attempt.worker}, {"error", result.error().message}});
  attempt.held_until = clock_.monotonic() + after_error;
}

std::chrono::milliseconds BuildScheduler::grace_of(const Attempt& attempt) {
  const auto build = queue_.find(attempt.credential.build);
  if (!build) return {};
  for (const BuildAttempt& known : build->attempts)
    if (known.epoch == attempt.credential.epoch && known.outcome)
      return *known.outcome == AttemptOutcome::cancelled ? std::chrono::milliseconds(0)
                                                         : clean_up_time;
  return {};
}

// ---- workers that shall go ----

void BuildScheduler::end_of(const std::string& worker, std::chrono::milliseconds grace) {
  const auto found = attempts_.find(worker);
  found->second.standing = AttemptStanding::over;
  if (found->second.being_started) return;  // stopped once its start has returned
  const std::string backend = found->second.backend;
  const bool there = found->second.there;
  attempts_.erase(found);
  leave(worker, backend, grace, there);
}

void BuildScheduler::leave(const std::string& worker, const std::string& backend,
                           std::chrono::milliseconds grace, bool there) {
  if (!backends_.contains(backend)) return;
  const MonotonicTime at = clock_.monotonic() + grace;
  const auto [leaver, added] = leavers_.try_emplace(worker, Leaver{backend, at, there, {}, false});
  if (!added) leaver->second.stop_at = std::min(leaver->second.stop_at, at);
}

void BuildScheduler::stop_leavers() {
  for (auto& [worker, leaver] : leavers_) {
    if (leaver.being_stopped || clock_.monotonic() < leaver.stop_at) continue;
    leaver.being_stopped = true;
    backends_.find(leaver.backend)
        ->second.lane->call(BackendLane::Urgency::other, [inbox = inbox_, name = leaver.backend,
                                                          worker = worker](BuildBackend& called) {
          auto result = called.stop(worker);
          inbox->post(SchedulerMessage{name, StopEnded{worker, std::move(result), called.room()}});
        });
  }
}

void BuildScheduler::on_stop_ended(const std::string& name, const StopEnded& ended) {
  Backend& backend = backends_.find(name)->second;
  backend.room = ended.room;
  const auto found = leavers_.find(ended.worker);
  if (found == leavers_.end()) return;
  if (ended.result) {
    if (found->second.there) backend.blocked_until.reset();
    leavers_.erase(found);
    return;
  }
  log_.warning(
      "worker not stopped",
      {{"backend", name}, {"worker", ended.worker}, {"error", ended.result.error().message}});
  Leaver& leaver = found->second;
  leaver.being_stopped = false;
  leaver.backoff = std::clamp(leaver.backoff * 2, after_error, last_stop_backoff);
  leaver.stop_at = clock_.monotonic() + leaver.backoff;
}

}  // namespace slipway
