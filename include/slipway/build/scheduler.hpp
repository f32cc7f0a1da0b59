// Scheduler: the thin loop that carries out what scheduling_policy.hpp decides.
//
// It wakes on a commit to the queue, on a backend's event and on deadlines, never to poll. On start
// it adopts attempts whose workers still run, gives back those whose workers are gone, and stops
// workers that belong to no attempt.
//
// Thread safety: every member from any thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <slipway/build/backend.hpp>
#include <slipway/build/build_queue.hpp>
#include <slipway/build/scheduling_policy.hpp>
#include <slipway/build/wait_explanation.hpp>
#include <slipway/core/result.hpp>
#include <slipway/support/clock.hpp>
#include <slipway/support/log.hpp>
#include <slipway/support/metrics.hpp>

namespace slipway {

struct SchedulerOptions {
  std::string server_url;  // what workers are told
  SchedulingRules rules;
  std::chrono::milliseconds start_timeout{120'000};   // leased to registered
  std::chrono::milliseconds silence_timeout{60'000};  // a worker that is not heard of
  std::optional<std::chrono::milliseconds> queue_timeout;     // a build that does not start
  std::optional<std::chrono::milliseconds> idle_log_timeout;  // a build whose log stands still
};

class Scheduler {
 public:
  virtual ~Scheduler() = default;

  /// Looks at everything once, on the caller's thread, and answers when it wants to be woken at the
  /// latest. What the loop does; tests with a ManualClock call it themselves: before `run`, calls
  /// to backends are made on the caller's thread too.
  virtual std::optional<MonotonicTime> step() = 0;

  /// Starts the loop and a few threads for the calls to each backend. Once.
  virtual void run() = 0;

  /// Ends the loop after the calls that are being made; workers go on. Also done by the destructor.
  virtual void stop() = 0;

  /// Why a queued build waits. Errors: as BuildQueue::refresh and position.
  virtual Result<WaitExplanation> explain(const Build& build) = 0;

  /// The queue as people see it. Errors: as BuildQueue::refresh.
  virtual Result<QueueOverview> overview() = 0;
};

/// Everything must outlive the scheduler. Adopts before it returns; a backend that cannot list its
/// workers now is asked again, and until then its attempts have their full silence timeout.
/// Errors: io, corrupt, invalid_argument (a route that names no backend, two of one name).
Result<std::unique_ptr<Scheduler>> make_scheduler(MetadataStore& metadata, BuildQueue& queue,
                                                  std::vector<BuildBackend*> backends,
                                                  Clock& clock, const SchedulerOptions& options,
                                                  Log& log = Log::none(),
                                                  Metrics& metrics = Metrics::none());

}  // namespace slipway
