// GarbageCollector: removes what nothing refers to, while everything else goes on.
//
// A pass walks the rows, in this order:
//   retention     tags and untagged manifests that a retention rule names (retention.hpp)
//   links         blobs of repositories that no manifest of theirs names and no build needs
//   content       bytes that no repository holds
//   repositories  those in which nothing is
//   uploads       what expired uploads left
//   objects       objects that no row refers to, as crashes leave them
// Each thing also has to have been left alone for the time of its lease (lease.hpp). Reading is done
// on short snapshots; what looks like garbage there is looked at again, and removed, in a small
// transaction; objects are unlinked after that is durable. Nobody is ever held off for longer than
// one such transaction takes, and memory does not grow with the store.
// docs/garbage_collection.md says why this cannot lose a blob.
//
// Thread safety: any thread; one pass at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string_view>
#include <vector>

#include <slipway/core/result.hpp>
#include <slipway/registry/registry.hpp>
#include <slipway/registry/retention.hpp>
#include <slipway/storage/blob_store.hpp>
#include <slipway/support/clock.hpp>
#include <slipway/support/log.hpp>
#include <slipway/support/metrics.hpp>

namespace slipway {

struct GarbageCollectorOptions {
  std::vector<RetentionRule> retention;
  /// Percent of the time that it works; after each piece of work it rests for as long as that takes.
  /// 1 to 100; 100 never rests.
  unsigned load = 20;
  /// Things that one transaction removes at most.
  std::size_t batch = 128;
};

/// What a pass did.
struct Collected {
  std::uint64_t examined = 0;  // rows and objects that were looked at
  std::uint64_t tags = 0;      // removed by retention
  std::uint64_t manifests = 0;     // removed by retention
  std::uint64_t links = 0;         // blobs that left a repository
  std::uint64_t blobs = 0;         // contents, manifests' among them
  std::uint64_t bytes = 0;         // of contents and orphans
  std::uint64_t repositories = 0;
  std::uint64_t uploads = 0;
  std::uint64_t orphans = 0;       // objects that no row referred to
  /// Rows that are malformed, and objects that could not be removed. The first are left as they are;
  /// a later pass finds the second as orphans.
  std::uint64_t failures = 0;

  friend bool operator==(const Collected&, const Collected&) = default;
};

class GarbageCollector {
 public:
  /// Called now and then on the thread that collects, with what was done so far and the step that
  /// it is at, named as above.
  using Progress = std::function<void(std::string_view step, const Collected&)>;

  enum class From {
    beginning,
    where_it_stopped,  // where the last pass that was stopped or cut off had come, at most a minute before
  };

  virtual ~GarbageCollector() = default;

  /// One pass. Errors: cancelled (told to stop; what was done is done, and where it stood is kept),
  /// conflict (another pass runs), io, corrupt.
  virtual Result<Collected> collect(From from = From::beginning, const std::stop_token& stop = {},
                                    const Progress& progress = {}) = 0;
};

/// All must outlive it. The registry must be the one over these blobs: its leases are what counts.
std::unique_ptr<GarbageCollector> make_garbage_collector(
    BlobStore& blobs, Registry& registry, Clock& clock, const GarbageCollectorOptions& options = {},
    Log& log = Log::none(), Metrics& metrics = Metrics::none());

}  // namespace slipway
