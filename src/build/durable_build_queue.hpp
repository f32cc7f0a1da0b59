// The BuildQueue over a MetadataStore. Its three sides have a file each: for everyone
// (build_queue.cpp), for the scheduler (build_queue_scheduling.cpp), for workers
// (build_queue_workers.cpp); all of them change a build through `change`.
//
// Thread safety: as BuildQueue.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <slipway/build/build_queue.hpp>
#include <slipway/build/log_store.hpp>
#include <slipway/build/worker_tokens.hpp>

#include "build/live_summary.hpp"
#include "build/queue_metrics.hpp"

namespace slipway {

class DurableBuildQueue final : public BuildQueue {
 public:
  DurableBuildQueue(MetadataStore& metadata, Registry& registry, Clock& clock,
                    const BuildQueueOptions& options, Metrics& metrics,
                    std::unique_ptr<WorkerTokens> tokens);

  /// Once, before anything else. Errors: io, corrupt.
  Result<void> open() { return summary_.open(); }

  using BuildQueue::submit;
  Result<Build> submit(const BuildRequest& request, const BuildSecrets& secrets,
                       const AlsoWritten& also) override;
  Result<Build> find(std::string_view id) override;
  Result<BuildPage> list(const BuildFilter& filter) override;
  Result<Build> cancel(std::string_view id, std::string_view reason) override;
  Result<Build> retry(std::string_view id) override;
  Result<std::optional<std::size_t>> position(std::string_view id, std::size_t limit) override;

  Result<void> refresh(QueueSummary& known) override;
  using BuildQueue::lease;
  Result<std::vector<Result<BuildLease>>> lease(std::span<const LeaseOrder> orders) override;
  Result<void> started(const WorkerCredential& attempt) override;
  Result<void> no_room(const WorkerCredential& attempt) override;
  Result<Build> interrupted(const WorkerCredential& attempt, AttemptOutcome outcome,
                            std::string_view reason, std::string_view message) override;
  Result<Build> lost_with_server(const WorkerCredential& attempt,
                                 std::string_view message) override;
  Result<Build> timed_out(const WorkerCredential& attempt, std::string_view reason,
                          std::string_view message) override;
  Result<std::optional<Timestamp>> expire(std::chrono::milliseconds longest) override;
  Result<std::vector<Build>> leased_builds() override;
  Result<std::vector<AttemptStanding>> standings(
      std::span<const WorkerCredential> attempts) override;

  Result<Registration> register_worker(std::string_view registration_token,
                                       std::string_view nonce) override;
  Result<void> heartbeat(const WorkerCredential& attempt) override;
  std::optional<MonotonicTime> last_heard(const WorkerCredential& attempt) override;
  void note_output(const WorkerCredential& attempt) override;
  std::optional<MonotonicTime> last_output(const WorkerCredential& attempt) override;
  Result<void> begin_phase(const WorkerCredential& attempt, BuildPhase phase,
                           std::string_view commit) override;
  Result<Build> succeed(const WorkerCredential& attempt, const Digest& digest,
                        const std::optional<ResourceUsage>& usage) override;
  Result<Build> fail(const WorkerCredential& attempt, const BuildFailure& failure,
                     const std::optional<ResourceUsage>& usage) override;
  WriteGuard guard(const WorkerCredential& attempt) override;

 private:
  /// What a change does to a build within its transaction; it may write more there.
  using Apply = std::function<Result<void>(WriteTransaction&, Build&)>;

  struct Changed {
    Build before;
    Build after;
  };

  /// One transaction: reads the build, applies, saves what follows from it, and tells whom it
  /// concerns. Answers the build as it is then.
  Result<Build> change(std::string_view id, const Apply& apply);
  /// The same for the attempt that is out. Errors: conflict when it is over.
  Result<Build> change(const WorkerCredential& attempt, const Apply& apply);

  Result<Changed> change_within(WriteTransaction& transaction, LiveSummary::Change& counted,
                                std::string_view id, const Apply& apply);
  /// After the commit.
  void note(const Changed& changed);

  Result<Build> insert(const BuildRequest& request, const BuildSecrets& secrets,
                       const AlsoWritten& also = {});
  Result<void> insert_within(WriteTransaction& transaction, LiveSummary::Change& counted,
                             const Build& build, const BuildSecrets& secrets,
                             std::optional<Changed>& superseded);

  /// What a retry needs of what the ended build was given. Errors: conflict, io.
  Result<BuildSecrets> secrets_again(const Build& ended);

  Result<void> cancel_within(WriteTransaction& transaction, Build& build, std::string_view reason,
                             std::string_view successor);
  Result<Build> end_by_failure(const WorkerCredential& attempt, const BuildFailure& failure,
                               AttemptOutcome outcome,
                               const std::optional<ResourceUsage>& usage = std::nullopt);

  /// The same for several builds in one transaction.
  Result<void> change_all(const std::vector<std::string>& ids, const Apply& apply);

  struct Expiring {
    std::vector<std::string> due;   // some of them
    std::optional<Timestamp> next;  // when another one will be
  };
  Result<Expiring> find_expired(std::chrono::milliseconds longest);
  Result<void> expire_some(const std::vector<std::string>& ids, std::chrono::milliseconds longest);

  Result<BuildLease> lease_within(WriteTransaction& transaction, LiveSummary::Change& counted,
                                  const LeaseOrder& order, std::string_view secret,
                                  std::vector<Changed>& changed);

  /// Moves builds whose not-before is over to their place, at most some hundred. Errors: io, corrupt.
  Result<void> promote(const std::vector<std::string>& tenants, Timestamp now);

  void note_heard(const WorkerCredential& attempt);

  MetadataStore& metadata_;
  Registry& registry_;
  Clock& clock_;
  const BuildQueueOptions options_;
  const std::unique_ptr<WorkerTokens> tokens_;
  LogStore logs_;
  QueueMetrics metrics_;
  LiveSummary summary_;

  using AttemptKey = std::pair<std::string, std::uint64_t>;
  std::mutex heard_mutex_;
  struct Heard {
    MonotonicTime at{};
    std::optional<MonotonicTime> output;
  };
  std::map<AttemptKey, Heard> heard_;  // guarded by heard_mutex_
};

}  // namespace slipway
