// The Scheduler. What it holds is memory only: all of it is found again from the queue and the
// backends (scheduler.cpp: adoption). Its parts have a file each: leasing (scheduler_leasing.cpp),
// what becomes of attempts (scheduler_attempts.cpp).
//
// Thread safety: as Scheduler; what is not shared is guarded by step_mutex_.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <slipway/build/scheduler.hpp>

#include "build/backend_lane.hpp"
#include "build/scheduler_inbox.hpp"

namespace slipway {

class BuildScheduler final : public Scheduler {
 public:
  BuildScheduler(MetadataStore& metadata, BuildQueue& queue,
                 const std::vector<BuildBackend*>& backends, Clock& clock,
                 const SchedulerOptions& options, Log& log, Metrics& metrics);
  ~BuildScheduler() override;

  /// Once, before anything else. Errors: io, corrupt.
  Result<void> adopt();

  std::optional<MonotonicTime> step() override;
  void run() override;
  void stop() override;
  Result<WaitExplanation> explain(const Build& build) override;
  Result<QueueOverview> overview() override;

 private:
  /// An attempt that is out.
  struct Attempt {
    WorkerCredential credential;
    std::string backend;
    std::string worker;
    AttemptStanding standing = AttemptStanding::starting;
    MonotonicTime since{};                      // of this standing, in this process
    std::optional<MonotonicTime> run_deadline;  // while running
    std::optional<MonotonicTime> output_since;  // while running, when its log has a deadline
    MonotonicTime held_until{};                 // after an error: not looked at before
    bool being_started = false;                 // BuildBackend::start has not returned
    bool there = false;                         // its backend has accepted the worker
    bool adopted = false;                       // by an earlier process
  };

  /// A worker whose attempt is over and that its backend shall forget.
  struct Leaver {
    std::string backend;
    MonotonicTime stop_at{};
    bool there = false;  // its end makes room
    std::chrono::milliseconds backoff{};
    bool being_stopped = false;
  };

  struct Backend {
    BuildBackend* backend = nullptr;
    std::unique_ptr<BackendLane> lane;
    BackendRoom room;
    unsigned being_started = 0;
    std::optional<MonotonicTime> blocked_until;  // it had no room, or failed
    std::string blocked_why;
    bool failing = false;  // rather than full
    std::chrono::milliseconds backoff{};
    std::optional<MonotonicTime> list_at;  // its workers could not be listed yet
    std::chrono::milliseconds list_backoff{};
  };

  // ---- messages ----
  bool take_messages();
  void on_message(const SchedulerMessage& message);
  void on_event(const std::string& backend, const BackendEvent& event);
  void on_start_ended(const std::string& backend, const StartEnded& ended);
  void on_stop_ended(const std::string& backend, const StopEnded& ended);
  void on_listed(const std::string& backend, const WorkersListed& listed);
  void read_room(Backend& backend);

  // ---- attempts ----
  void track(const Build& build, bool adopted);
  void refresh_standings();
  void begin_running(Attempt& attempt);
  void check_deadlines();
  void expire_waiting();
  /// One that is due: ends it, or finds why it goes on.
  void check_deadline(Attempt& attempt);
  void check_output(Attempt& attempt);
  void time_out(Attempt& attempt, std::string_view reason, const std::string& message);
  [[nodiscard]] MonotonicTime deadline_of(const Attempt& attempt) const;
  /// No worker was started: back to the queue at no cost.
  void give_up(Attempt& attempt);
  void interrupt(Attempt& attempt, AttemptOutcome outcome, std::string_view reason,
                 const std::string& message);
  /// After a call to the queue about the attempt: its end, or a while without it.
  void settle(Attempt& attempt, const Result<void>& result);
  void end_of(const std::string& worker, std::chrono::milliseconds grace);
  void leave(const std::string& worker, const std::string& backend, std::chrono::milliseconds grace,
             bool there);
  void stop_leavers();
  [[nodiscard]] std::chrono::milliseconds grace_of(const Attempt& attempt);

  // ---- adoption ----
  void reconcile(const std::string& backend, const std::vector<BackendWorker>& workers);
  void list_again();

  // ---- leasing ----
  /// Answers whether there may be more to lease at once.
  bool lease_builds();
  /// What can start now, as if each had; at most as many as are leased in a row.
  std::vector<LeaseOrder> choose();
  bool carry_out(const std::vector<LeaseOrder>& orders);
  /// Brings state_ up to date. Errors: as BuildQueue::refresh.
  Result<void> refresh();
  [[nodiscard]] std::vector<BackendSnapshot> backend_snapshots() const;
  void start(const BuildLease& lease);
  void block(Backend& backend, const Error& why);
  void forget_starts();

  // ---- the loop ----
  void look_again(MonotonicTime at);
  [[nodiscard]] std::optional<MonotonicTime> next_deadline() const;
  void show();
  void show_depths();
  void loop();

  MetadataStore& metadata_;
  BuildQueue& queue_;
  Clock& clock_;
  const SchedulerOptions options_;
  Log& log_;
  Metrics& metrics_;
  const std::shared_ptr<SchedulerInbox> inbox_;

  std::mutex step_mutex_;
  std::map<std::string, Backend, std::less<>> backends_;
  std::vector<std::string> backend_order_;
  std::map<std::string, Attempt, std::less<>> attempts_;  // by worker
  std::map<std::string, Leaver, std::less<>> leavers_;    // by worker
  SchedulingState state_;                                 // what decisions are made of
  MonotonicTime expire_at_{};  // builds that wait too long are looked for
  std::optional<MonotonicTime> look_again_at_;  // of this step: a backoff's end, or after an error
  std::map<std::string, Gauge*, std::less<>> depths_;

  std::thread thread_;
  std::unique_ptr<Subscription> subscription_;
};

}  // namespace slipway
