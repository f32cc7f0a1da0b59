#include "local/process_backend.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <system_error>
#include <utility>

#include "local/process_family.hpp"
#include "local/process_launch.hpp"
#include "local/process_record.hpp"
#include "support/cgroup.hpp"
#include "support/isolation.hpp"
#include "support/private_file.hpp"
#include "support/remove_tree.hpp"

namespace slipway {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t wake_serial = 0;
constexpr int grace_milliseconds = 1000;  // for SIGTERM

Error system_error(const fs::path& path, int code = errno) {
  return Error(ErrorCode::io, path.string() + ": " + std::generic_category().message(code));
}

bool valid_worker_name(std::string_view name) {
  return !name.empty() && name.size() <= 63 && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

/// How a child of ours ended; of an adopted process nobody but its parent is told.
std::string describe_exit(int handle) {
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(handle), &info, WEXITED) < 0) return "ended";
  if (info.si_code == CLD_EXITED) return "exit status " + std::to_string(info.si_status);
  return "killed by signal " + std::to_string(info.si_status);
}

}  // namespace

ProcessBackend::ProcessBackend(LocalBackendOptions options, Log& log)
    : options_(std::move(options)), log_(log), boot_id_(current_boot_id()) {}

ProcessBackend::~ProcessBackend() {
  if (thread_.joinable()) {
    ending_ = true;
    ::eventfd_write(wake_, 1);
    thread_.join();
  }
  for (const IdleWorker& idle : idle_) end_idle(idle);
  for (const auto& [name, worker] : workers_)
    if (worker.handle >= 0) ::close(worker.handle);
  if (epoll_ >= 0) ::close(epoll_);
  if (wake_ >= 0) ::close(wake_);
}

fs::path ProcessBackend::folder_of(std::string_view worker) const {
  return options_.folder / worker;
}

Result<void> ProcessBackend::open() {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (epoll_ < 0 || wake_ < 0) return system_error("epoll");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = wake_serial;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) < 0) return system_error("epoll");

  std::error_code error;
  for (fs::directory_iterator next(options_.folder, error), end; !error && next != end;
       next.increment(error)) {
    const std::string worker = next->path().filename().string();
    if (!valid_worker_name(worker)) continue;
    const bool never_told = end_left_idle(worker);
    if (worker.starts_with(idle_prefix)) continue;
    Worker adopted;
    adopted.serial = ++last_serial_;
    adopted.detail = "it was never started";
    if (const auto record = read_process_record(next->path() / "worker.json");
        record && !never_told) {
      adopted.detail = "it ended while nobody watched";
      // In another boot the same numbers are of other processes.
      if (record->boot_id == boot_id_) adopted.process = record->process;
      if (adopted.process) watch(adopted);
    }
    adopted.place = place_in(worker);
    log_.info(adopted.handle >= 0 ? "worker adopted" : "worker found ended",
              {{"backend", options_.name}, {"worker", worker}});
    workers_.emplace(worker, std::move(adopted));
  }
  if (error) return system_error(options_.folder, error.value());
  thread_ = std::thread([this] { run_events(); });
  return {};
}

void ProcessBackend::watch(Worker& worker) {
  worker.handle = watch(*worker.process, worker.serial);
}

int ProcessBackend::watch(const ProcessId& process, std::uint64_t serial) {
  const int handle = static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0));
  if (handle < 0) return -1;
  // Compared after it was opened: the handle cannot come to mean another process. A zombie of ours
  // is reaped when its event comes.
  const auto info = process_info(process.pid);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = serial;
  if (!info || info->id != process || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, handle, &event) < 0) {
    ::close(handle);
    return -1;
  }
  return handle;
}

std::string ProcessBackend::reap(int handle) {
  std::string detail = describe_exit(handle);
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, handle, nullptr);
  ::close(handle);
  return detail;
}

unsigned ProcessBackend::free_place() const {
  std::set<unsigned> taken = places_starting_;
  for (const auto& [name, worker] : workers_)
    if (worker.place) taken.insert(*worker.place);
  for (const IdleWorker& idle : idle_) taken.insert(idle.place);
  unsigned place = 0;
  while (taken.contains(place)) ++place;
  return place;
}

unsigned ProcessBackend::slots_in_use() const {
  const auto running = std::count_if(workers_.begin(), workers_.end(),
                                     [](const auto& entry) { return entry.second.handle >= 0; });
  return static_cast<unsigned>(running) + starting_;
}

BackendRoom ProcessBackend::room() {
  const std::lock_guard lock(mutex_);
  const unsigned used = slots_in_use();
  BackendRoom room{options_.slots > used ? options_.slots - used : 0, options_.slots, {}};
  if (room.free == 0) room.why = "all " + std::to_string(room.total) + " slots are in use";
  return room;
}

void ProcessBackend::claim(std::unique_lock<std::mutex>& lock, std::string_view worker) {
  released_.wait(lock, [&] { return claimed_.find(worker) == claimed_.end(); });
  claimed_.emplace(worker);
}

Result<void> ProcessBackend::start(const WorkerRequest& request) {
  if (!valid_worker_name(request.name) || request.name.starts_with(idle_prefix))
    return Error(ErrorCode::invalid_argument,
                 "worker name \"" + request.name.substr(0, 80) +
                     "\": expected 1 to 63 characters of a-z, 0-9 and -, not - or idle- first");
  std::unique_lock lock(mutex_);
  claim(lock, request.name);
  const auto release = [&] {
    claimed_.erase(request.name);
    released_.notify_all();
  };

  if (const auto there = workers_.find(request.name); there != workers_.end()) {
    const bool running = there->second.handle >= 0;
    const std::string detail = there->second.detail;
    release();
    lock.unlock();
    // Whoever asks again has perhaps not heard of its end.
    if (!running) tell(BackendEvent::Kind::exited, request.name, detail);
    return {};
  }
  if (slots_in_use() >= options_.slots) {
    release();
    return Error(ErrorCode::unavailable,
                 "all " + std::to_string(options_.slots) + " slots are in use");
  }
  ++starting_;
  std::optional<IdleWorker> idle = take_idle();
  const unsigned place = idle ? idle->place : free_place();
  places_starting_.insert(place);
  lock.unlock();
  Result<std::optional<ProcessId>> launched = std::optional<ProcessId>();
  if (idle && hand_over(*idle, request))
    launched = idle->process;
  else
    launched = launch(request, place);
  lock.lock();
  --starting_;
  places_starting_.erase(place);
  if (launched) {
    Worker worker;
    worker.place = place;
    worker.serial = ++last_serial_;
    worker.process = *launched;
    worker.detail = "it ended at once";
    if (worker.process) watch(worker);
    workers_.insert_or_assign(request.name, std::move(worker));
  }
  release();
  lock.unlock();
  if (!launched) return std::move(launched).error();
  tell(BackendEvent::Kind::started, request.name, {});
  want_idle();
  return {};
}

Result<void> ProcessBackend::stop(std::string_view name) {
  if (!valid_worker_name(name)) return {};
  std::unique_lock lock(mutex_);
  claim(lock, name);
  std::optional<ProcessId> leader;
  int handle = -1;
  bool was_running = false;
  if (const auto there = workers_.find(name); there != workers_.end()) {
    leader = there->second.process;
    was_running = there->second.handle >= 0;
    handle = was_running ? ::fcntl(there->second.handle, F_DUPFD_CLOEXEC, 0) : -1;
  }
  lock.unlock();

  auto ended = end_processes(name, leader, handle);
  if (handle >= 0) ::close(handle);
  if (ended && options_.first_user) remove_cgroup(name);
  if (ended) ended = remove_tree(folder_of(name));

  lock.lock();
  if (const auto there = workers_.find(name); ended && there != workers_.end()) {
    if (there->second.handle >= 0) reap(there->second.handle);
    workers_.erase(there);
  }
  claimed_.erase(claimed_.find(name));
  released_.notify_all();
  lock.unlock();
  if (ended && was_running) tell(BackendEvent::Kind::room, {}, {});
  want_idle();
  return ended;
}

Result<void> ProcessBackend::end_processes(std::string_view name,
                                           const std::optional<ProcessId>& leader, int handle) {
  if (leader && handle >= 0) {
    ::syscall(SYS_pidfd_send_signal, handle, SIGTERM, nullptr, 0);
    pollfd watched{handle, POLLIN, 0};
    while (::poll(&watched, 1, grace_milliseconds) < 0 && errno == EINTR) {
    }
  }
  if (end_worker_family(folder_of(name), leader)) return {};
  return Error(ErrorCode::io, "worker " + std::string(name) +
                                  ": a process of it cannot be killed; it waits in the kernel");
}

Result<std::vector<BackendWorker>> ProcessBackend::list() {
  const std::lock_guard lock(mutex_);
  std::vector<BackendWorker> found;
  for (const auto& [worker, state] : workers_) found.push_back({worker, state.handle >= 0});
  return found;
}

void ProcessBackend::on_event(std::function<void(const BackendEvent&)> listener) {
  const std::lock_guard lock(listener_mutex_);
  listener_ = std::move(listener);
}

void ProcessBackend::tell(BackendEvent::Kind kind, std::string_view worker,
                          std::string_view detail) {
  // Under the lock: once a listener was replaced it is not called any more.
  const std::lock_guard lock(listener_mutex_);
  if (listener_) listener_({kind, std::string(worker), std::string(detail)});
}

void ProcessBackend::run_events() {
  std::array<epoll_event, 16> events{};
  start_idle();
  while (true) {
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t serial = events[static_cast<std::size_t>(i)].data.u64;
      if (serial == wake_serial) {
        if (ending_) return;
        eventfd_t wishes = 0;
        ::eventfd_read(wake_, &wishes);
        start_idle();
      } else if (!take_idle_exit(serial)) {
        take_exit(serial);
      }
    }
  }
}

void ProcessBackend::take_exit(std::uint64_t serial) {
  std::string worker, detail;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(workers_.begin(), workers_.end(), [&](const auto& entry) {
      return entry.second.serial == serial && entry.second.handle >= 0;
    });
    if (found == workers_.end()) return;
    worker = found->first;
    detail = found->second.detail = reap(std::exchange(found->second.handle, -1));
  }
  log_.info("worker ended", {{"backend", options_.name}, {"worker", worker}, {"detail", detail}});
  tell(BackendEvent::Kind::exited, worker, detail);
  tell(BackendEvent::Kind::room, {}, {});
  want_idle();
}

Result<std::unique_ptr<BuildBackend>> make_local_backend(const LocalBackendOptions& options,
                                                         Log& log) {
  LocalBackendOptions checked = options;
  if (checked.slots == 0)
    return Error(ErrorCode::invalid_argument,
                 "backend " + options.name + ": slots must be above 0");
  std::error_code error;
  if (checked.program.empty()) checked.program = fs::read_symlink("/proc/self/exe", error);
  if (error || ::access(checked.program.c_str(), X_OK) < 0)
    return Error(ErrorCode::invalid_argument,
                 "worker program " + checked.program.string() + ": is not there or may not be run");
  checked.program = fs::absolute(checked.program, error);
  fs::create_directories(checked.folder, error);
  if (!error) checked.folder = fs::canonical(checked.folder, error);
  if (error) return system_error(options.folder, error.value());

  auto backend = std::make_unique<ProcessBackend>(std::move(checked), log);
  SLIPWAY_CHECK(backend->open());
  return std::unique_ptr<BuildBackend>(std::move(backend));
}

}  // namespace slipway
