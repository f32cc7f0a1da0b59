// LiveSummary: the queue's summary in memory, as new as the store.
//
// The store's rows are the truth. A tenant is read again when something of it changed since, or is
// changing now: each change says so from within its transaction, before the commit can be told to
// anyone, and until after it. So who was woken by a commit finds it in the summary, and what did
// not change costs nothing.
//
// Thread safety: any thread.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <slipway/build/queue_summary.hpp>
#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

class LiveSummary {
 public:
  /// The store must outlive it.
  explicit LiveSummary(MetadataStore& metadata) : metadata_(metadata) {}

  /// Reads everything from the store: once, before anything else. Errors: io, corrupt.
  Result<void> open();

  /// One write and the tenants that it changes. Lives around MetadataStore::write.
  class Change {
   public:
    explicit Change(LiveSummary& summary) : summary_(summary) {}
    ~Change();
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

    /// From within the closure, each time it runs.
    void touch(std::string_view tenant);

   private:
    LiveSummary& summary_;
    std::set<std::string, std::less<>> tenants_;
  };

  /// Tenants' `next_ready` is set also when they have a head. Errors: io, unavailable, corrupt.
  Result<QueueSummary> read();

 private:
  /// REQUIRES: mutex_ is held.
  Result<void> refresh(const ReadView& view, const std::string& tenant);

  MetadataStore& metadata_;
  std::mutex mutex_;
  QueueSummary summary_;                                   // guarded by mutex_
  std::map<std::string, unsigned, std::less<>> changing_;  // guarded by mutex_: how many writes
  std::set<std::string, std::less<>> changed_;             // guarded by mutex_
};

}  // namespace slipway
