// From a waiting build to a worker that is being started.

#include <algorithm>
#include <utility>

#include "build/build_scheduler.hpp"
#include "support/format.hpp"

namespace slipway {

namespace {

constexpr std::chrono::milliseconds first_block{1000};
constexpr std::chrono::milliseconds last_block{30'000};
constexpr std::chrono::milliseconds after_error{1000};
constexpr unsigned leases_in_a_row = 64;  // then messages are looked at

}  // namespace

bool BuildScheduler::lease_builds() {
  for (auto& [name, backend] : backends_)
    if (backend.blocked_until && clock_.monotonic() >= *backend.blocked_until)
      backend.blocked_until.reset();
  for (unsigned i = 0; i < leases_in_a_row; ++i) {
    auto summary = queue_.summary();
    if (!summary) {
      log_.error("queue not read", {{"error", summary.error().message}});
      look_again(clock_.monotonic() + after_error);
      return false;
    }
    summary_ = *summary;
    const SchedulingState state = state_of(std::move(*summary));
    const auto choice = choose_next(state, options_.rules);
    if (!choice) {
      if (const auto ready = next_wake(state))
        look_again(clock_.monotonic() + (*ready - clock_.now()));
      return false;
    }
    auto lease = queue_.lease(choice->build, choice->backend);
    if (lease) {
      note_turn(choice->tenant, state.queue);
      start(*lease);
    } else if (lease.error().code != ErrorCode::conflict) {
      log_.error("build not leased", {{"build", choice->build}, {"error", lease.error().message}});
      look_again(clock_.monotonic() + after_error);
      return false;
    }
  }
  return true;
}

void BuildScheduler::start(const BuildLease& lease) {
  const Build& build = lease.build;
  track(build, false);
  const BuildAttempt& latest = build.attempts.back();
  Attempt& attempt = attempts_.find(latest.worker)->second;
  attempt.being_started = true;

  WorkerRequest request;
  request.name = latest.worker;
  request.build = build.id;
  request.repository = build.request.repository.str();
  request.server_url = options_.server_url;
  request.registration_token = lease.registration_token;
  if (!build.request.platforms.empty()) request.platform = build.request.platforms.front();

  Backend& backend = backends_.find(latest.backend)->second;
  ++backend.being_started;
  backend.lane->call(BackendLane::Urgency::start, [this, inbox = inbox_,
                                                   request = std::move(request),
                                                   name = latest.backend,
                                                   credential =
                                                       attempt.credential](BuildBackend& called) {
    auto result = called.start(request);
    const bool accepted = result.ok();
    inbox->post(SchedulerMessage{name, StartEnded{request.name, std::move(result), called.room()}});
    if (!accepted) return;
    const auto noted = queue_.started(credential);
    if (!noted && noted.error().code != ErrorCode::conflict)
      log_.warning("start not recorded",
                   {{"worker", request.name}, {"error", noted.error().message}});
  });
  log_.info("build leased", {{"build", build.id},
                             {"repository", build.request.repository.str()},
                             {"backend", latest.backend},
                             {"worker", latest.worker}});
}

void BuildScheduler::on_start_ended(const std::string& name, const StartEnded& ended) {
  Backend& backend = backends_.find(name)->second;
  --backend.being_started;
  backend.room = ended.room;
  if (ended.result) {
    backend.backoff = {};
  } else {
    block(backend, ended.result.error().message);
    log_.warning(
        "worker not started",
        {{"backend", name}, {"worker", ended.worker}, {"error", ended.result.error().message}});
  }

  const auto found = attempts_.find(ended.worker);
  if (found == attempts_.end()) return;
  Attempt& attempt = found->second;
  attempt.being_started = false;
  attempt.there = ended.result.ok();
  if (attempt.standing == AttemptStanding::over)
    end_of(ended.worker, {});
  else if (!ended.result && ended.result.error().code == ErrorCode::unavailable)
    give_up(attempt);
  else if (!ended.result)
    interrupt(attempt, AttemptOutcome::infrastructure, "start_failed",
              slipway::format("backend {} could not start a worker: {}", name,
                              ended.result.error().message));
}

void BuildScheduler::block(Backend& backend, const std::string& why) {
  backend.backoff = std::clamp(backend.backoff * 2, first_block, last_block);
  backend.blocked_until = clock_.monotonic() + backend.backoff;
  backend.blocked_why = why;
}

SchedulingState BuildScheduler::state_of(QueueSummary summary) const {
  SchedulingState state;
  state.queue = std::move(summary);
  state.last_served = last_served_;
  for (const std::string& name : backend_order_) {
    const Backend& backend = backends_.find(name)->second;
    BackendSnapshot snapshot{name, backend.room};
    if (backend.blocked_until) {
      snapshot.room.free = 0;
      snapshot.room.why = backend.blocked_why;
    } else if (snapshot.room.free > 0 && snapshot.room.free <= backend.being_started) {
      snapshot.room.free = 0;
      snapshot.room.why = slipway::format("{} workers are being started", backend.being_started);
    } else if (snapshot.room.free > 0) {
      snapshot.room.free -= backend.being_started;
    }
    state.backends.push_back(std::move(snapshot));
  }
  return state;
}

void BuildScheduler::note_turn(const std::string& tenant, const QueueSummary& summary) {
  constexpr std::size_t kept = 1000;
  last_served_[tenant] = ++turn_;
  if (last_served_.size() > kept + 2 * summary.tenants.size())
    std::erase_if(last_served_, [&summary](const auto& served) {
      return !summary.tenants.contains(served.first);
    });
}

}  // namespace slipway
