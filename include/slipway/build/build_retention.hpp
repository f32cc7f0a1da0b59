// How long builds that have ended, their logs and contexts, the deliveries of triggers and notifications are kept.
//
// Carrying it out goes through the store piece by piece and may be stopped between any two; the next
// one goes on, since what is done is not found again. Finished logs are compressed on the way.
//
// Thread safety: any thread; one at a time is enough.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include <slipway/build/build_queue.hpp>
#include <slipway/build/delivery_store.hpp>
#include <slipway/build/log_store.hpp>
#include <slipway/core/result.hpp>
#include <slipway/notify/notification.hpp>
#include <slipway/registry/lease.hpp>
#include <slipway/storage/metadata_store.hpp>
#include <slipway/support/clock.hpp>
#include <slipway/support/log.hpp>

namespace slipway {

/// Counted from a build's end. A build goes with its log and keeps its context no longer. A context
/// that no build keeps any more, or ever did, has the lease of any blob (lease.hpp).
struct BuildRetention {
  std::chrono::milliseconds builds = std::chrono::days(365);
  std::chrono::milliseconds logs = std::chrono::days(90);
  std::chrono::milliseconds contexts = std::chrono::days(7);  // for a retry
};

struct BuildRetentionParts {
  MetadataStore& metadata;
  BuildQueue& queue;
  LogStore& logs;
  DeliveryStore& deliveries;
  NotificationStore& notifications;
  Clock& clock;
  Log& log;
  LeaseTerms lease;  // the registry's
};

struct BuildsTidied {
  std::uint64_t logs_compressed = 0;
  std::uint64_t logs_removed = 0;
  std::uint64_t contexts_released = 0;  // of one build each; the collector removes them
  std::uint64_t builds_removed = 0;
  std::uint64_t deliveries_removed = 0;
  std::uint64_t notifications_removed = 0;
  std::uint64_t failures = 0;  // logs, contexts and builds that were passed over; each is in the log
};

/// `after_piece` is told how far it came and may answer an error that ends it. Errors: io,
/// quota_exceeded, those of `after_piece`.
Result<BuildsTidied> tidy_builds(const BuildRetentionParts& parts, const BuildRetention& retention,
                                 const std::function<Result<void>(const BuildsTidied&)>& after_piece);

}  // namespace slipway
