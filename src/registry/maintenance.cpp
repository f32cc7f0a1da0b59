#include <slipway/registry/maintenance.hpp>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include <slipway/support/ulid.hpp>

#include "storage/topics.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

constexpr std::size_t remembered_of_a_kind = 10;
constexpr std::chrono::milliseconds told_at_most_every{200};

std::string topic_of(std::string_view id) { return "operation/" + std::string(id); }

Error no_operation(std::string_view id) {
  return Error(ErrorCode::not_found,
               slipway::format("there is no operation {}; a restart forgets operations",
                               id.substr(0, ulid_size)));
}

struct Task {
  Operation operation;  // guarded by Maintenance::State::mutex
  std::stop_source stop;
  std::thread thread;
};

struct Repeated {
  std::string kind;
  std::string options;
  std::chrono::milliseconds every;
  MonotonicTime next;
};

}  // namespace

std::string_view to_string(OperationState state) noexcept {
  switch (state) {
    case OperationState::running: return "running";
    case OperationState::succeeded: return "succeeded";
    case OperationState::failed: return "failed";
    case OperationState::cancelled: return "cancelled";
  }
  return "running";
}

Result<void> OperationRun::check() const {
  if (stop_token().stop_requested())
    return Error(ErrorCode::cancelled, "the operation was cancelled");
  return {};
}

struct Maintenance::State {
  State(Clock& its_clock, Log& its_log, Metrics& its_metrics)
      : clock(its_clock), log(its_log), metrics(its_metrics) {}

  Clock& clock;
  Log& log;
  Metrics& metrics;
  Topics topics;
  std::map<std::string, OperationMaker, std::less<>> kinds;

  std::mutex mutex;
  std::condition_variable ended;               // an operation has
  std::deque<std::shared_ptr<Task>> tasks;     // guarded by mutex; the oldest first
  std::vector<Repeated> repeated;              // guarded by mutex
  bool stopping = false;                       // guarded by mutex
  std::condition_variable repeating_changed;   // stopping or repeated did
  std::thread repeater;

  // ---- with the mutex held ----

  [[nodiscard]] std::shared_ptr<Task> find(std::string_view id) const {
    for (const auto& task : tasks)
      if (task->operation.id == id) return task;
    return nullptr;
  }

  [[nodiscard]] std::shared_ptr<Task> running(std::string_view kind) const {
    for (const auto& task : tasks)
      if (task->operation.kind == kind && task->operation.state == OperationState::running)
        return task;
    return nullptr;
  }

  /// Takes the oldest of a kind that has one too many out of what is remembered.
  std::shared_ptr<Task> forget_one(std::string_view kind) {
    const auto of_kind = [kind](const auto& task) { return task->operation.kind == kind; };
    if (static_cast<std::size_t>(std::count_if(tasks.begin(), tasks.end(), of_kind)) <=
        remembered_of_a_kind)
      return nullptr;
    const auto oldest = std::find_if(tasks.begin(), tasks.end(), of_kind);
    std::shared_ptr<Task> task = std::move(*oldest);
    tasks.erase(oldest);
    return task;
  }

  // ---- without ----

  void tell(const std::string& id) {
    const std::array<std::string, 1> topics_told{topic_of(id)};
    topics.publish(topics_told);
  }

  void run(Task& task, const OperationWork& work);
  void end(Task& task, Result<std::string> outcome);
  void repeat_until_stopped(Maintenance& maintenance);
};

namespace {

class TaskRun final : public OperationRun {
 public:
  TaskRun(Maintenance::State& state, Task& task) : state_(state), task_(task) {}

  void count(std::string_view name, std::uint64_t done,
             std::optional<std::uint64_t> total) override {
    const MonotonicTime now = state_.clock.monotonic();
    {
      const std::lock_guard lock(state_.mutex);
      auto& progress = task_.operation.progress;
      auto found = std::find_if(progress.begin(), progress.end(),
                                [name](const OperationCount& count) { return count.name == name; });
      if (found == progress.end()) found = progress.insert(progress.end(), {std::string(name), 0, {}});
      found->done = done;
      found->total = total;
      if (told_ && now - *told_ < told_at_most_every) return;
      ++task_.operation.revision;
    }
    told_ = now;
    state_.tell(task_.operation.id);
  }

  [[nodiscard]] std::stop_token stop_token() const noexcept override {
    return task_.stop.get_token();
  }

 private:
  Maintenance::State& state_;
  Task& task_;
  std::optional<MonotonicTime> told_;
};

}  // namespace

void Maintenance::State::run(Task& task, const OperationWork& work) {
  log.info("operation started", {{"kind", task.operation.kind}, {"operation", task.operation.id}});
  TaskRun run(*this, task);
  try {
    end(task, work(run));
  } catch (const std::exception& exception) {
    end(task, Error(ErrorCode::internal, exception.what()));
  }
}

void Maintenance::State::end(Task& task, Result<std::string> outcome) {
  OperationState state = OperationState::succeeded;
  if (!outcome)
    state = outcome.error().code == ErrorCode::cancelled ? OperationState::cancelled
                                                         : OperationState::failed;
  const std::string kind = task.operation.kind;
  const std::string id = task.operation.id;
  metrics
      .counter("slipway_operations_total", "Long operations that ended, by kind and outcome.",
               {{"kind", kind}, {"outcome", std::string(to_string(state))}})
      .add();
  if (state == OperationState::failed)
    log.error("operation failed",
              {{"kind", kind}, {"operation", id}, {"error", outcome.error().message}});
  else
    log.info("operation ended",
             {{"kind", kind}, {"operation", id}, {"outcome", std::string(to_string(state))}});
  {
    const std::lock_guard lock(mutex);
    Operation& operation = task.operation;
    operation.state = state;
    operation.finished = clock.now();
    ++operation.revision;
    if (outcome)
      operation.result = std::move(*outcome);
    else
      operation.error = std::move(outcome).error();
    ended.notify_all();
  }
  tell(id);
}

void Maintenance::State::repeat_until_stopped(Maintenance& maintenance) {
  std::unique_lock lock(mutex);
  while (!stopping) {
    const MonotonicTime now = clock.monotonic();
    auto next = std::min_element(
        repeated.begin(), repeated.end(),
        [](const Repeated& a, const Repeated& b) { return a.next < b.next; });
    if (next->next > now) {
      clock.wait_until(repeating_changed, lock, next->next);
      continue;
    }
    next->next = now + next->every;
    const Repeated due = *next;
    lock.unlock();
    const auto started = maintenance.start(due.kind, due.options);
    if (!started && started.error().code != ErrorCode::conflict &&
        started.error().code != ErrorCode::unavailable)
      log.error("operation not started", {{"kind", due.kind}, {"error", started.error().message}});
    lock.lock();
  }
}

Maintenance::Maintenance(Clock& clock, Log& log, Metrics& metrics)
    : state_(std::make_unique<State>(clock, log, metrics)) {}

Maintenance::~Maintenance() { stop(); }

void Maintenance::add(std::string kind, OperationMaker make) {
  state_->kinds.insert_or_assign(std::move(kind), std::move(make));
}

void Maintenance::repeat(std::string kind, std::string options, std::chrono::milliseconds every,
                         std::chrono::milliseconds first) {
  const std::lock_guard lock(state_->mutex);
  state_->repeated.push_back(
      {std::move(kind), std::move(options), every, state_->clock.monotonic() + first});
  if (!state_->repeater.joinable())
    state_->repeater = std::thread([this] { state_->repeat_until_stopped(*this); });
  state_->repeating_changed.notify_all();
}

Result<Operation> Maintenance::start(std::string_view kind, std::string_view options) {
  const auto known = state_->kinds.find(kind);
  if (known == state_->kinds.end()) {
    std::string names;
    for (const auto& [name, make] : state_->kinds) names.append(names.empty() ? "" : ", ").append(name);
    return Error(ErrorCode::not_found,
                 slipway::format("there is no kind of operation \"{}\"; there is: {}", kind, names));
  }
  SLIPWAY_TRY(OperationWork work, known->second(options));

  std::shared_ptr<Task> forgotten;
  Operation started;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->stopping)
      return Error(ErrorCode::unavailable, "the server is shutting down; try again later");
    if (const auto running = state_->running(kind))
      return Error(ErrorCode::conflict,
                   slipway::format("{} {} is running; wait for it or cancel it", kind,
                                   running->operation.id));
    const auto task = std::make_shared<Task>();
    const Timestamp now = state_->clock.now();
    task->operation.id = make_ulid(now);
    task->operation.kind = kind;
    task->operation.started = now;
    started = task->operation;
    try {
      task->thread = std::thread([state = state_.get(), task = task.get(), work = std::move(work)] {
        state->run(*task, work);
      });
    } catch (const std::system_error& error) {
      return Error(ErrorCode::unavailable,
                   slipway::format("no thread for the operation: {}", error.what()));
    }
    state_->tasks.push_back(task);
    forgotten = state_->forget_one(kind);
  }
  if (forgotten) forgotten->thread.join();  // it has ended
  return started;
}

Result<Operation> Maintenance::find(std::string_view id) const {
  const std::lock_guard lock(state_->mutex);
  const auto task = state_->find(id);
  if (!task) return no_operation(id);
  return task->operation;
}

std::vector<Operation> Maintenance::list() const {
  std::vector<Operation> operations;
  const std::lock_guard lock(state_->mutex);
  for (auto task = state_->tasks.rbegin(); task != state_->tasks.rend(); ++task)
    operations.push_back((*task)->operation);
  return operations;
}

Result<Operation> Maintenance::cancel(std::string_view id) {
  std::shared_ptr<Task> task;
  Operation operation;
  {
    const std::lock_guard lock(state_->mutex);
    task = state_->find(id);
    if (!task) return no_operation(id);
    operation = task->operation;
  }
  if (operation.state != OperationState::running)
    return Error(ErrorCode::conflict,
                 slipway::format("operation {} has {}", operation.id, to_string(operation.state)));
  task->stop.request_stop();
  return operation;
}

Result<Operation> Maintenance::wait(std::string_view id) const {
  std::unique_lock lock(state_->mutex);
  const auto task = state_->find(id);
  if (!task) return no_operation(id);
  state_->ended.wait(lock, [&] { return task->operation.state != OperationState::running; });
  return task->operation;
}

std::unique_ptr<Subscription> Maintenance::subscribe(std::string_view id,
                                                     std::function<void()> callback) {
  return state_->topics.subscribe(topic_of(id), std::move(callback));
}

void Maintenance::stop() {
  std::deque<std::shared_ptr<Task>> tasks;
  {
    const std::lock_guard lock(state_->mutex);
    if (std::exchange(state_->stopping, true)) return;
    tasks = state_->tasks;
    state_->repeating_changed.notify_all();
  }
  if (state_->repeater.joinable()) state_->repeater.join();
  for (const auto& task : tasks) task->stop.request_stop();
  for (const auto& task : tasks) task->thread.join();
}

}  // namespace slipway
