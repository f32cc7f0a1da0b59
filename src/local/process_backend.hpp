// ProcessBackend: workers as processes of this machine. The contract is in
// <slipway/build/local_backend.hpp>.
//
// One thread waits for pidfds, of own children and adopted processes alike; nothing polls.
#pragma once

#include <slipway/build/local_backend.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "local/process_launch.hpp"
#include "support/file.hpp"
#include "support/process_tree.hpp"

namespace slipway {

class ProcessBackend final : public BuildBackend {
 public:
  ProcessBackend(LocalBackendOptions options, Log& log);
  ~ProcessBackend() override;

  /// Adopts what an earlier process started, and begins to wait for events. Errors: io.
  Result<void> open();

  [[nodiscard]] std::string_view name() const noexcept override { return options_.name; }
  Result<void> start(const WorkerRequest& request) override;
  Result<void> stop(std::string_view worker) override;
  Result<std::vector<BackendWorker>> list() override;
  [[nodiscard]] BackendRoom room() override;
  void on_event(std::function<void(const BackendEvent&)> listener) override;

 private:
  struct Worker {
    std::uint64_t serial = 0;          // what epoll knows it by
    std::optional<ProcessId> process;  // none: it was never started
    int handle = -1;                   // pidfd, while it runs
    std::string detail;                // how it ended
    std::optional<unsigned> place;     // which users it has
  };
  /// It waits for a build.
  struct IdleWorker {
    std::string name;  // of its folder
    std::uint64_t serial = 0;
    ProcessId process;
    int handle = -1;
    files::Descriptor channel;  // the other end is its standard input
    unsigned place = 0;
  };
  static constexpr const char* idle_prefix = "idle-";
  using Workers = std::map<std::string, Worker, std::less<>>;

  [[nodiscard]] std::filesystem::path folder_of(std::string_view worker) const;
  /// `mutex_` is held by the caller of these.
  [[nodiscard]] unsigned slots_in_use() const;
  void claim(std::unique_lock<std::mutex>& lock, std::string_view worker);
  void watch(Worker& worker);
  /// A pidfd whose end is an event of this serial; -1: it has gone.
  int watch(const ProcessId& process, std::uint64_t serial);
  /// Of a process that has ended: how, if it was a child of ours. The pidfd is closed.
  std::string reap(int handle);

  /// The first place that no worker has. `mutex_` is held.
  [[nodiscard]] unsigned free_place() const;
  /// The first user of a place.
  [[nodiscard]] std::uint32_t user_of(unsigned place) const;

  [[nodiscard]] std::optional<unsigned> place_in(std::string_view worker) const;
  Result<void> make_folder(const std::filesystem::path& folder, unsigned place);
  /// `how` it gets its build, as arguments.
  [[nodiscard]] LaunchSpec launch_spec(const std::filesystem::path& folder, unsigned place,
                                       const std::vector<std::string>& how) const;
  Result<std::optional<ProcessId>> launch(const WorkerRequest& request, unsigned place);

  /// A worker was started or ended: has the event thread start the idle ones that are missing.
  void want_idle();
  void start_idle();
  Result<IdleWorker> launch_idle(unsigned place, std::uint64_t serial);
  /// `mutex_` is held.
  std::optional<IdleWorker> take_idle();
  /// False: it was dead or frozen, and is gone.
  bool hand_over(const IdleWorker& idle, const WorkerRequest& request);
  void end_idle(const IdleWorker& idle);
  /// Of an earlier server. False: what has this name was given a build.
  bool end_left_idle(std::string_view name);
  /// False: it is no idle worker's.
  bool take_idle_exit(std::uint64_t serial);

  Result<void> end_processes(std::string_view worker, const std::optional<ProcessId>& leader,
                             int handle);
  void run_events();
  void take_exit(std::uint64_t serial);
  void tell(BackendEvent::Kind kind, std::string_view worker, std::string_view detail);

  const LocalBackendOptions options_;
  Log& log_;
  const std::string boot_id_;
  int epoll_ = -1;
  int wake_ = -1;

  std::mutex mutex_;
  std::condition_variable released_;
  Workers workers_;                             // guarded by mutex_
  std::set<std::string, std::less<>> claimed_;  // being started or stopped; guarded by mutex_
  unsigned starting_ = 0;                       // guarded by mutex_
  std::set<unsigned> places_starting_;          // guarded by mutex_
  std::uint64_t last_serial_ = 0;               // guarded by mutex_
  std::vector<IdleWorker> idle_;                // guarded by mutex_
  bool idle_allowed_ = true;  // until one ends by itself or cannot start; guarded by mutex_
  std::atomic<bool> ending_ = false;

  std::mutex listener_mutex_;
  std::function<void(const BackendEvent&)> listener_;  // guarded by listener_mutex_

  std::thread thread_;
};

}  // namespace slipway
