#include <slipway/build/scheduler.hpp>

#include <algorithm>
#include <set>
#include <utility>

#include "build/build_scheduler.hpp"
#include "support/format.hpp"

namespace slipway {

namespace {

constexpr std::chrono::milliseconds first_backoff{1000};
constexpr std::chrono::milliseconds last_backoff{30'000};

/// Errors: invalid_argument.
Result<void> check_names(const std::vector<BuildBackend*>& backends, const SchedulingRules& rules) {
  std::set<std::string_view> names;
  for (const BuildBackend* backend : backends)
    if (!names.insert(backend->name()).second)
      return Error(ErrorCode::invalid_argument,
                   slipway::format("two backends have the name {}", backend->name()));
  for (const BackendRoute& route : rules.routes)
    for (const std::string& name : route.backends)
      if (!names.contains(name))
        return Error(ErrorCode::invalid_argument,
                     slipway::format("the route of {} leads to {}, which is no backend",
                                     route.repository, name));
  return {};
}

Result<void> outcome_of(const Result<Build>& changed) {
  if (changed) return {};
  return changed.error();
}

}  // namespace

BuildScheduler::BuildScheduler(MetadataStore& metadata, BuildQueue& queue,
                               const std::vector<BuildBackend*>& backends, Clock& clock,
                               const SchedulerOptions& options, Log& log, Metrics& metrics)
    : metadata_(metadata),
      queue_(queue),
      clock_(clock),
      options_(options),
      log_(log),
      metrics_(metrics),
      inbox_(std::make_shared<SchedulerInbox>()) {
  for (BuildBackend* backend : backends) {
    const std::string name(backend->name());
    backend_order_.push_back(name);
    Backend& added = backends_[name];
    added.backend = backend;
    added.lane = std::make_unique<BackendLane>(*backend);
    backend->on_event([inbox = inbox_, name](const BackendEvent& event) {
      inbox->post(SchedulerMessage{name, event});
    });
  }
}

BuildScheduler::~BuildScheduler() {
  stop();
}

Result<void> BuildScheduler::adopt() {
  SLIPWAY_TRY(const std::vector<Build> leased, queue_.leased_builds());
  for (const Build& build : leased) track(build, true);
  for (const std::string& name : backend_order_) {
    Backend& backend = backends_.find(name)->second;
    on_listed(name, WorkersListed{backend.backend->list()});
    backend.room = backend.backend->room();
  }
  std::vector<std::string> homeless;
  for (const auto& [worker, attempt] : attempts_)
    if (!backends_.contains(attempt.backend)) homeless.push_back(worker);
  for (const std::string& worker : homeless) {
    Attempt& attempt = attempts_.find(worker)->second;
    interrupt(attempt, AttemptOutcome::lost, "backend_gone",
              slipway::format("there is no backend {} any more", attempt.backend));
  }
  subscription_ = metadata_.subscribe("queue", [inbox = inbox_] { inbox->wake(); });
  return {};
}

void BuildScheduler::on_listed(const std::string& name, const WorkersListed& listed) {
  Backend& backend = backends_.find(name)->second;
  if (listed.workers) {
    backend.list_at.reset();
    backend.list_backoff = {};
    reconcile(name, *listed.workers);
    return;
  }
  log_.warning("workers not listed",
               {{"backend", name}, {"error", listed.workers.error().message}});
  backend.list_backoff = std::clamp(backend.list_backoff * 2, first_backoff, last_backoff);
  backend.list_at = clock_.monotonic() + backend.list_backoff;
}

void BuildScheduler::list_again() {
  for (auto& [name, backend] : backends_) {
    if (!backend.list_at || clock_.monotonic() < *backend.list_at) continue;
    backend.list_at.reset();
    backend.lane->call(BackendLane::Urgency::other,
                       [inbox = inbox_, name = name](BuildBackend& called) {
                         inbox->post(SchedulerMessage{name, WorkersListed{called.list()}});
                       });
  }
}

void BuildScheduler::reconcile(const std::string& backend,
                               const std::vector<BackendWorker>& workers) {
  std::set<std::string, std::less<>> alive;
  for (const BackendWorker& worker : workers) {
    const auto attempt = attempts_.find(worker.name);
    if (attempt == attempts_.end()) {
      if (!leavers_.contains(worker.name)) leave(worker.name, backend, {}, true);
    } else if (worker.running) {
      alive.insert(worker.name);
    }
  }
  std::vector<std::string> missing;
  for (const auto& [worker, attempt] : attempts_)
    if (attempt.adopted && attempt.backend == backend && !alive.contains(worker))
      missing.push_back(worker);
  for (const std::string& worker : missing) {
    Attempt& attempt = attempts_.find(worker)->second;
    const bool known = std::any_of(workers.begin(), workers.end(),
                                   [&](const BackendWorker& w) { return w.name == worker; });
    if (attempt.standing == AttemptStanding::starting && !known)
      give_up(attempt);
    else
      settle(attempt, outcome_of(queue_.lost_with_server(
                          attempt.credential,
                          slipway::format("worker {} was gone when the server started", worker))));
  }
}

std::optional<MonotonicTime> BuildScheduler::step() {
  const std::lock_guard lock(step_mutex_);
  look_again_at_.reset();
  bool more = false;
  do {
    take_messages();
    refresh_standings();
    check_deadlines();
    expire_waiting();
    list_again();
    stop_leavers();
    more = lease_builds();
  } while (take_messages() || more);
  show();
  return next_deadline();
}

void BuildScheduler::run() {
  for (auto& [name, backend] : backends_) backend.lane->run();
  thread_ = std::thread([this] { loop(); });
}

void BuildScheduler::loop() {
  std::optional<MonotonicTime> deadline = step();
  while (inbox_->wait(clock_, deadline)) deadline = step();
}

void BuildScheduler::stop() {
  inbox_->close();
  if (thread_.joinable()) thread_.join();
  for (auto& [name, backend] : backends_) backend.lane->stop();
  subscription_.reset();
}

void BuildScheduler::look_again(MonotonicTime at) {
  look_again_at_ = std::min(at, look_again_at_.value_or(at));
}

std::optional<MonotonicTime> BuildScheduler::next_deadline() const {
  std::optional<MonotonicTime> next = look_again_at_;
  const auto consider = [&next](MonotonicTime time) {
    if (!next || time < *next) next = time;
  };
  if (options_.queue_timeout) consider(expire_at_);
  for (const auto& [worker, attempt] : attempts_) consider(deadline_of(attempt));
  for (const auto& [worker, leaver] : leavers_)
    if (!leaver.being_stopped) consider(leaver.stop_at);
  for (const auto& [name, backend] : backends_) {
    if (backend.blocked_until) consider(*backend.blocked_until);
    if (backend.list_at) consider(*backend.list_at);
  }
  return next;
}

void BuildScheduler::show_depths() {
  for (const std::string& name : state_.queue.changed) {
    const auto tenant = state_.queue.tenants.find(name);
    const bool gone = tenant == state_.queue.tenants.end();
    auto& gauge = depths_[name];
    if (gauge == nullptr)
      gauge = &metrics_.gauge("slipway_build_queue_depth", "Builds that wait, by tenant.",
                              {{"tenant", name}});
    gauge->set(gone ? 0 : static_cast<double>(tenant->second.queued));
    if (gone) depths_.erase(name);
  }
}

void BuildScheduler::show() {
  for (const std::string& name : backend_order_) {
    const auto of_backend = [&name](const auto& entry) { return entry.second.backend == name; };
    const auto count_state = [&](AttemptStanding standing) {
      return std::count_if(attempts_.begin(), attempts_.end(), [&](const auto& entry) {
        return of_backend(entry) && entry.second.standing == standing;
      });
    };
    const auto set = [&](std::string_view state, auto count) {
      metrics_
          .gauge("slipway_workers", "Workers, by backend and state.",
                 {{"backend", name}, {"state", std::string(state)}})
          .set(static_cast<double>(count));
    };
    set("starting", count_state(AttemptStanding::starting));
    set("running", count_state(AttemptStanding::running));
    set("stopping", std::count_if(leavers_.begin(), leavers_.end(), of_backend));
  }
}

Result<WaitExplanation> BuildScheduler::explain(const Build& build) {
  constexpr std::size_t furthest = 10'000;
  SLIPWAY_TRY(const auto position, queue_.position(build.id, furthest));
  const std::lock_guard lock(step_mutex_);
  SLIPWAY_CHECK(refresh());
  return explain_wait(state_, options_.rules, build, position);
}

Result<QueueOverview> BuildScheduler::overview() {
  const std::lock_guard lock(step_mutex_);
  SLIPWAY_CHECK(refresh());
  return overview_of(state_, options_.rules);
}

Result<std::unique_ptr<Scheduler>> make_scheduler(MetadataStore& metadata, BuildQueue& queue,
                                                  std::vector<BuildBackend*> backends, Clock& clock,
                                                  const SchedulerOptions& options, Log& log,
                                                  Metrics& metrics) {
  SLIPWAY_CHECK(check_names(backends, options.rules));
  auto scheduler =
      std::make_unique<BuildScheduler>(metadata, queue, backends, clock, options, log, metrics);
  SLIPWAY_CHECK(scheduler->adopt());
  return std::unique_ptr<Scheduler>(std::move(scheduler));
}

}  // namespace slipway
