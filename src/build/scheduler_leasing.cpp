// From a waiting build to a worker that is being started.

#include <algorithm>
#include <utility>

#include "build/build_scheduler.hpp"
#include "support/format.hpp"
#include "support/wake_time.hpp"

namespace slipway {

namespace {

constexpr std::chrono::milliseconds first_block{1000};
constexpr std::chrono::milliseconds last_block{30'000};
constexpr std::chrono::milliseconds after_error{1000};
constexpr std::size_t leases_in_a_row = 64;  // in one commit; then messages are looked at

}  // namespace

Result<void> BuildScheduler::refresh() {
  SLIPWAY_CHECK(queue_.refresh(state_.queue));
  rank(state_, options_.rules);
  show_depths();
  state_.queue.changed.clear();
  state_.backends = backend_snapshots();
  return {};
}

bool BuildScheduler::lease_builds() {
  for (auto& [name, backend] : backends_)
    if (backend.blocked_until && clock_.monotonic() >= *backend.blocked_until)
      backend.blocked_until.reset();
  if (const auto refreshed = refresh(); !refreshed) {
    log_.error("queue not read", {{"error", refreshed.error().message}});
    look_again(clock_.monotonic() + after_error);
    return false;
  }
  if (const std::vector<LeaseOrder> orders = choose(); !orders.empty()) return carry_out(orders);
  if (const auto ready = next_wake(state_)) look_again(wake_time(clock_, *ready));
  return false;
}

std::vector<LeaseOrder> BuildScheduler::choose() {
  std::vector<LeaseOrder> orders;
  while (orders.size() < leases_in_a_row) {
    const auto choice = choose_next(state_, options_.rules);
    if (!choice) break;
    assume(state_, options_.rules, *choice);
    orders.push_back({choice->build, choice->backend});
  }
  forget_starts();
  return orders;
}

bool BuildScheduler::carry_out(const std::vector<LeaseOrder>& orders) {
  const auto leases = queue_.lease(orders);
  if (!leases) {
    log_.error("builds not leased", {{"error", leases.error().message}});
    state_.queue.version = 0;  // what was assumed has not come about
    look_again(clock_.monotonic() + after_error);
    return false;
  }
  for (const Result<BuildLease>& lease : *leases) {
    if (lease)
      start(*lease);
    else
      state_.queue.version = 0;  // it was cancelled meanwhile
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
    block(backend, ended.result.error());
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

void BuildScheduler::block(Backend& backend, const Error& why) {
  backend.backoff = std::clamp(backend.backoff * 2, first_block, last_block);
  backend.blocked_until = clock_.monotonic() + backend.backoff;
  backend.blocked_why = why.message;
  backend.failing = why.code != ErrorCode::unavailable;
}

std::vector<BackendSnapshot> BuildScheduler::backend_snapshots() const {
  std::vector<BackendSnapshot> snapshots;
  for (const std::string& name : backend_order_) {
    const Backend& backend = backends_.find(name)->second;
    BackendSnapshot snapshot;
    snapshot.name = name;
    snapshot.room = backend.room;
    BackendRoom& room = snapshot.room;
    if (backend.blocked_until) {
      room.free = 0;
      room.why = backend.blocked_why;
      snapshot.works = !backend.failing;
      snapshot.tried_again =
          clock_.now() + std::chrono::ceil<std::chrono::milliseconds>(*backend.blocked_until -
                                                                      clock_.monotonic());
    } else if (room.free > 0 && room.free <= backend.being_started) {
      room.free = 0;
      room.why = slipway::format("{} workers are being started", backend.being_started);
    } else if (room.free > 0) {
      room.free -= backend.being_started;
    }
    snapshots.push_back(std::move(snapshot));
  }
  return snapshots;
}

void BuildScheduler::forget_starts() {
  constexpr std::size_t kept = 1000;
  if (state_.next_start.size() <= kept + 2 * state_.queue.tenants.size()) return;
  std::erase_if(state_.next_start,
                [this](const auto& next) { return next.second <= state_.virtual_time; });
}

}  // namespace slipway
