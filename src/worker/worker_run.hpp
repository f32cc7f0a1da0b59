// WorkerRun: one attempt of one build, with the builder given.
//
// Three threads: the caller's goes through the phases, one heartbeats and watches the deadline, one
// sends the log.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include <slipway/build/worker_protocol.hpp>

#include "worker/builder.hpp"
#include "worker/log_sender.hpp"
#include "worker/secret_mask.hpp"
#include "worker/step_times.hpp"
#include "worker/server_link.hpp"
#include "worker/worker.hpp"

namespace slipway {

class WorkerRun {
 public:
  /// Everything must outlive the run.
  WorkerRun(const WorkerOptions& options, HttpTransport& transport, Builder& builder, Clock& clock,
            Log& log);
  ~WorkerRun();

  /// Errors: run_worker's. Once.
  Result<WorkerOutcome> run(std::stop_token stop);

 private:
  Result<WorkerInstructions> register_with_server(const std::stop_token& stop);
  Result<void> prepare_folder();

  /// What must be in no log: the build's secrets, git's password, the worker's own token.
  void know_secrets();
  /// Everything of the build goes through the mask.
  BuildLog masked_log();
  /// What is held back goes out, and the step that ran has ended.
  void flush_log();
  /// `mask_mutex_` is held.
  void send_timed(std::string_view bytes);

  /// From fetching to pushing.
  Step<Digest> work();
  Step<FetchedSource> fetch();
  Step<std::vector<BuiltImage>> build(const FetchedSource& source);
  Step<Digest> push(const std::vector<BuiltImage>& images);

  /// False: the attempt is over.
  bool begin_phase(BuildPhase phase, const std::string& commit);
  Result<WorkerOutcome> report(const Step<Digest>& result, const std::stop_token& stop);
  Result<WorkerOutcome> finish(const FinishCall& call);
  void finish_once(const FinishCall& call);
  BuildFailure timeout_failure() const;
  BuildFailure disk_failure() const;
  /// A failure for want of disk is the build's own when it is the build's limit that it met.
  [[nodiscard]] Step<Digest> with_own_limits(Step<Digest> result) const;
  /// With --disk, where the machine cannot hold it: has the build more than that?
  [[nodiscard]] bool beyond_watched_disk() const;

  [[nodiscard]] bool limited_by_time() const noexcept;
  void heartbeat(const std::stop_token& stop);
  void attempt_is_over();
  [[nodiscard]] std::string url(std::string_view call) const;
  [[nodiscard]] OutgoingRequest post(std::string_view call, std::string body) const;

  const WorkerOptions& options_;
  Builder& builder_;
  Log& log_;
  ServerLink link_;
  const std::string base_;  // <server>/worker/v1/

  std::unique_ptr<WorkerInstructions> instructions_;
  std::filesystem::path root_;    // the build's folder, with what it does not see
  std::filesystem::path folder_;  // of the build: root_, or a file system of its own below it
  std::unique_ptr<LogSender> sender_;
  std::mutex mask_mutex_;
  SecretMask mask_;       // guarded by mask_mutex_
  StepTimes step_times_;  // guarded by mask_mutex_
  MonotonicTime deadline_{};
  ResourceUsage usage_;

  std::stop_source work_stop_;  // ends what is being done
  std::stop_source over_stop_;  // ends every call: nobody wants an answer any more
  std::atomic<bool> timed_out_ = false;
  std::atomic<bool> disk_exceeded_ = false;
  std::atomic<bool> disk_watched_ = false;
};

}  // namespace slipway
