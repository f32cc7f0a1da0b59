// ProcessBackend: worker programs that are started ahead and wait for a build.
//
// One waits in a folder of its own, idle-<random>, for what comes by its standard input
// (support/worker_assignment.hpp). When it gets a build the folder gets the worker's name, and from
// then on nothing tells it from one that was started for that build. It knows no token before, and
// it ends when this process does.

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <slipway/support/hasher.hpp>

#include "local/process_backend.hpp"
#include "local/process_family.hpp"
#include "local/process_launch.hpp"
#include "local/process_record.hpp"
#include "support/private_file.hpp"
#include "support/remove_tree.hpp"
#include "support/worker_assignment.hpp"

namespace slipway {
namespace {

using std::chrono::milliseconds;

/// One that does not answer in this time is frozen. Ending it costs its build no try.
constexpr milliseconds answer_timeout{500};

/// In the folder until it has been given its build. A server that was killed before may find the
/// folder under the worker's name already.
constexpr const char* waiting_file = "waiting";

}  // namespace

void ProcessBackend::want_idle() {
  if (options_.warm == 0) return;
  {
    const std::lock_guard lock(mutex_);
    idle_allowed_ = true;
  }
  ::eventfd_write(wake_, 1);
}

void ProcessBackend::start_idle() {
  std::unique_lock lock(mutex_);
  while (!ending_ && idle_allowed_ && slots_in_use() + idle_.size() < options_.slots &&
         idle_.size() < options_.warm) {
    const unsigned place = free_place();
    places_starting_.insert(place);
    const std::uint64_t serial = ++last_serial_;
    lock.unlock();
    auto started = launch_idle(place, serial);
    lock.lock();
    places_starting_.erase(place);
    if (started) {
      log_.info("worker waits for a build",
                {{"backend", options_.name}, {"worker", started->name}});
      idle_.push_back(*std::move(started));
      continue;
    }
    idle_allowed_ = false;
    log_.warning("no worker can be started ahead",
                 {{"backend", options_.name}, {"reason", started.error().message}});
  }
}

Result<ProcessBackend::IdleWorker> ProcessBackend::launch_idle(unsigned place,
                                                               std::uint64_t serial) {
  constexpr std::size_t random_bytes = 8;
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
    return Error(ErrorCode::io, "socketpair: " + std::generic_category().message(errno));
  IdleWorker idle;
  idle.channel = files::Descriptor(ends[0]);
  const files::Descriptor other(ends[1]);
  idle.name = idle_prefix + random_hex(random_bytes);
  idle.place = place;
  idle.serial = serial;
  const std::filesystem::path folder = folder_of(idle.name);
  SLIPWAY_CHECK(make_folder(folder, place));
  SLIPWAY_CHECK(replace_private_file(folder / waiting_file, folder / "draft", {}, Flush::no));
  LaunchSpec spec = launch_spec(folder, place, {"--wait"});
  spec.input = other.get();
  auto process = launch_detached(spec);
  if (process && *process) {
    idle.process = **process;
    idle.handle = watch(idle.process, serial);
    if (idle.handle >= 0) return idle;
  }
  (void)remove_tree(folder);
  if (!process) return std::move(process).error();
  return Error(ErrorCode::io, folder.string() + ": it ended at once");
}

std::optional<ProcessBackend::IdleWorker> ProcessBackend::take_idle() {
  if (idle_.empty()) return std::nullopt;
  IdleWorker idle = std::move(idle_.front());
  idle_.erase(idle_.begin());
  return idle;
}

bool ProcessBackend::hand_over(const IdleWorker& idle, const WorkerRequest& request) {
  const std::filesystem::path folder = folder_of(request.name);
  std::error_code error;
  if (answers(idle.channel.get(), answer_timeout)) {
    std::filesystem::rename(folder_of(idle.name), folder, error);
    // From here on it is the build's, as one that was started for it: if it ends, it has ended.
    if (!error) {
      ::epoll_ctl(epoll_, EPOLL_CTL_DEL, idle.handle, nullptr);
      ::close(idle.handle);
      (void)assign(idle.channel.get(),
                   {request.registration_token, folder.string(), request.server_url});
      std::filesystem::remove(folder / waiting_file, error);
      return true;
    }
  }
  log_.warning("idle worker replaced",
               {{"backend", options_.name},
                {"worker", request.name},
                {"reason", error ? error.message() : "it does not answer"}});
  end_idle(idle);
  return false;
}

void ProcessBackend::end_idle(const IdleWorker& idle) {
  const std::filesystem::path folder = folder_of(idle.name);
  if (end_worker_family(folder, idle.process)) reap(idle.handle);
  else ::close(idle.handle);
  (void)remove_tree(folder);
}

bool ProcessBackend::end_left_idle(std::string_view name) {
  const std::filesystem::path folder = folder_of(name);
  std::error_code error;
  const bool became_a_worker = !name.starts_with(idle_prefix);
  if (became_a_worker && !std::filesystem::exists(folder / waiting_file, error)) return false;
  std::optional<ProcessId> process;
  if (const auto record = read_process_record(folder / "worker.json");
      record && record->boot_id == boot_id_)
    process = record->process;
  (void)end_worker_family(folder, process);
  if (!became_a_worker) (void)remove_tree(folder);
  return true;
}

bool ProcessBackend::take_idle_exit(std::uint64_t serial) {
  std::unique_lock lock(mutex_);
  const auto found = std::find_if(idle_.begin(), idle_.end(), [&](const IdleWorker& idle) {
    return idle.serial == serial;
  });
  if (found == idle_.end()) return false;
  const IdleWorker idle = std::move(*found);
  idle_.erase(found);
  idle_allowed_ = false;  // another one might end as soon
  lock.unlock();
  log_.info("idle worker ended", {{"backend", options_.name}, {"worker", idle.name}});
  end_idle(idle);
  return true;
}

}  // namespace slipway
