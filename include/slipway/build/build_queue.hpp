// BuildQueue: builds and their order, durable; each step of a build is one transaction.
//
// The queue carries out the table of build_state.hpp. Every lease has a new epoch: what an earlier
// epoch still sends is answered with a conflict and changes nothing.
//
// Notifications (MetadataStore::subscribe): `queue` after anything the scheduler cares for;
// `build/<id>` after each change of that build, its log included.
//
// Thread safety: any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/auth/identity.hpp>
#include <slipway/build/build.hpp>
#include <slipway/build/build_secrets.hpp>
#include <slipway/build/queue_summary.hpp>
#include <slipway/core/result.hpp>
#include <slipway/registry/registry.hpp>
#include <slipway/storage/metadata_store.hpp>
#include <slipway/support/clock.hpp>
#include <slipway/support/metrics.hpp>

namespace slipway {

struct BuildQueueOptions {
  unsigned max_failed_attempts = 4;  // the first try and three more
  std::chrono::seconds default_timeout{3600};
  std::chrono::milliseconds first_retry_delay{500};  // then jittered, doubling, up to the last
  std::chrono::milliseconds last_retry_delay{60'000};
  /// Of each delay, from 0 to 1, on any thread; empty: random.
  std::function<double()> jitter = {};
};

/// What a worker proves itself with after it has registered.
struct WorkerCredential {
  std::string build;
  std::uint64_t epoch = 0;
};

enum class AttemptStanding : std::uint8_t {
  starting,  // out, its worker has not called
  running,   // out, its worker has registered
  over,      // ended, or replaced
};

/// Which build shall start where.
struct LeaseOrder {
  std::string build;
  std::string backend;
};

struct BuildLease {
  Build build;
  std::string registration_token;  // one use
};

struct Registration {
  Build build;
  std::string token;             // for this build and epoch: worker calls, pull and push
  std::uint64_t log_offset = 0;  // where the worker's log begins
  std::chrono::seconds timeout{};
  BuildSecrets secrets;
};

struct BuildFilter {
  std::string repository;  // empty: all
  std::optional<BuildState> state;
  std::string after;  // a build's id: older than it
  std::size_t limit = 50;
};

struct BuildPage {
  std::vector<Build> builds;  // newest first
  bool more = false;
};

class BuildQueue {
 public:
  virtual ~BuildQueue() = default;

  // ---- for everyone ----

  /// Writes the build and its place in the queue. A request whose trigger, delivery and ref were
  /// seen before answers the build that it made then. When its trigger supersedes, unfinished
  /// builds of the same trigger and ref are cancelled with the reason "superseded", all in one
  /// transaction. The secrets, and a user name and password of the git URL, are sealed in the
  /// store until the build has ended; the build itself names ids only.
  /// Errors: invalid_argument (which member), io.
  Result<Build> submit(const BuildRequest& request, const BuildSecrets& secrets = {}) {
    return submit(request, secrets, {});
  }

  /// What is to be written together with a submit; gets the build that the submit answers. May be
  /// run again, as every write.
  using AlsoWritten = std::function<Result<void>(WriteTransaction&, const Build&)>;
  /// The same, and `also` in its transaction. Errors: those of `also`, too.
  virtual Result<Build> submit(const BuildRequest& request, const BuildSecrets& secrets,
                               const AlsoWritten& also) = 0;

  /// Point read. Errors: not_found, io.
  virtual Result<Build> find(std::string_view id) = 0;

  /// Errors: invalid_argument, io.
  virtual Result<BuildPage> list(const BuildFilter& filter) = 0;

  /// Ends it at once; its worker is stopped after. Errors: not_found, conflict (it has ended), io.
  virtual Result<Build> cancel(std::string_view id, std::string_view reason) = 0;

  /// A new build of the same request. Errors: not_found, conflict (it has not ended, or had secrets,
  /// which are gone: those of a git URL come from the build's trigger again), io.
  virtual Result<Build> retry(std::string_view id) = 0;

  /// How many builds of its tenant are before a queued one, plus one; counting ends at `limit`.
  /// nullopt: it does not wait. Errors: not_found, io.
  virtual Result<std::optional<std::size_t>> position(std::string_view id, std::size_t limit) = 0;

  // ---- for the scheduler ----

  /// Brings what decisions are made of up to date: as new as the last commit that notified `queue`.
  /// Costs as much as changed since `known` was refreshed last, however many builds and tenants
  /// there are. Builds whose not-before is over are moved to their place here: a transaction, for
  /// them only. Errors: io, unavailable, corrupt.
  virtual Result<void> refresh(QueueSummary& known) = 0;

  /// The same as a value of its own, which costs as much as there is. Errors: as refresh.
  Result<QueueSummary> summary();

  /// queued -> starting, with a new epoch and worker name. Errors: not_found, conflict, io.
  Result<BuildLease> lease(std::string_view id, std::string_view backend);

  /// Several at once in one transaction: an answer for each, in their order. One that is refused
  /// (not_found, conflict) leaves the others. Errors: io, corrupt; then none is leased.
  virtual Result<std::vector<Result<BuildLease>>> lease(std::span<const LeaseOrder> orders) = 0;

  /// The backend accepted the worker. Errors: not_found, conflict (stale), io.
  virtual Result<void> started(const WorkerCredential& attempt) = 0;

  /// The backend had no room after all: back to its place, no try lost. Errors: as started.
  virtual Result<void> no_room(const WorkerCredential& attempt) = 0;

  /// The attempt ended without a report: back to the queue after a backoff, or failed when no try
  /// is left. Errors: as started.
  virtual Result<Build> interrupted(const WorkerCredential& attempt, AttemptOutcome outcome,
                                    std::string_view reason, std::string_view message) = 0;

  /// The server found, when it started, that the worker of a running attempt is gone: the machine
  /// may have gone down with it. Back to the queue without the loss of a try, three times for one
  /// build; after that as interrupted. Errors: as started.
  virtual Result<Build> lost_with_server(const WorkerCredential& attempt,
                                         std::string_view message) = 0;

  /// A deadline of the attempt passed: `reason` is a stable word. Errors: as started.
  virtual Result<Build> timed_out(const WorkerCredential& attempt, std::string_view reason,
                                  std::string_view message) = 0;

  /// Fails builds that have waited in the queue for longer than this (class timeout, reason
  /// "queue_timeout"); waiting begins anew after each attempt and at a not-before. Answers when the
  /// next one will have, nullopt: none waits. Errors: io, corrupt.
  virtual Result<std::optional<Timestamp>> expire(std::chrono::milliseconds longest) = 0;

  /// Attempts that are out, for adoption after a start. Errors: io, corrupt.
  virtual Result<std::vector<Build>> leased_builds() = 0;

  /// How each of these attempts stands: one snapshot, a point read each. Errors: io, corrupt.
  virtual Result<std::vector<AttemptStanding>> standings(
      std::span<const WorkerCredential> attempts) = 0;

  // ---- for the worker ----

  /// Trades the one-time token for instructions. `nonce` is the worker's own random name: the same
  /// worker may repeat the call when the answer was lost and gets the same answer again, until it
  /// has begun its first phase; anyone else gets a conflict. So what was overheard cannot be
  /// replayed for the secrets. Errors: unauthenticated (unknown token), conflict (used, or stale),
  /// invalid_argument (nonce of 16 to 128 characters), io.
  virtual Result<Registration> register_worker(std::string_view registration_token,
                                               std::string_view nonce) = 0;

  /// The worker lives. Point read: no write. Errors: conflict (its attempt is over: it must stop).
  virtual Result<void> heartbeat(const WorkerCredential& attempt) = 0;

  /// When something was last heard of the attempt, in this process; nullopt: nothing yet.
  virtual std::optional<MonotonicTime> last_heard(const WorkerCredential& attempt) = 0;

  /// The worker has sent some of its log. Costs nothing.
  virtual void note_output(const WorkerCredential& attempt) = 0;

  /// When it did so last, in this process; nullopt: not yet.
  virtual std::optional<MonotonicTime> last_output(const WorkerCredential& attempt) = 0;

  /// The phase begins; `commit` is what a ref turned out to be, when the source is git.
  /// Errors: conflict, io.
  virtual Result<void> begin_phase(const WorkerCredential& attempt, BuildPhase phase,
                                   std::string_view commit) = 0;

  /// The image is in the repository under this digest. The build's tags are moved to it in the same
  /// transaction. Errors: conflict, not_found (no such manifest), io.
  virtual Result<Build> succeed(const WorkerCredential& attempt, const Digest& digest,
                                const std::optional<ResourceUsage>& usage = std::nullopt) = 0;

  /// Class user and timeout end the build; infrastructure is tried again. Errors: conflict, io.
  virtual Result<Build> fail(const WorkerCredential& attempt, const BuildFailure& failure,
                             const std::optional<ResourceUsage>& usage = std::nullopt) = 0;

  /// Errors out of a transaction when the attempt is no longer the build's current one.
  virtual WriteGuard guard(const WorkerCredential& attempt) = 0;
};

/// Everything must outlive the queue. Rebuilds the summary from the store. Errors: io, corrupt.
Result<std::unique_ptr<BuildQueue>> open_build_queue(MetadataStore& metadata, Registry& registry,
                                                     Clock& clock,
                                                     const BuildQueueOptions& options = {},
                                                     Metrics& metrics = Metrics::none());

}  // namespace slipway
