// LiveSummary: the queue's summary in memory, as new as the store.
//
// The store's rows are the truth. A repository is read again when something of it changed since, or
// is changing now: each change says so from within its transaction, before the commit can be told
// to anyone, and until after it. So who was woken by a commit finds it in the summary, and what did
// not change costs nothing. Every repository that was read again has a version, so that whoever
// keeps a copy takes over only what is newer.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
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

  /// One write and the repositories that it changes. Lives around MetadataStore::write.
  class Change {
   public:
    explicit Change(LiveSummary& summary) : summary_(summary) {}
    ~Change();
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

    /// From within the closure, each time it runs.
    void touch(std::string_view repository);

   private:
    LiveSummary& summary_;
    std::set<std::string, std::less<>> repositories_;
  };

  /// Takes over what is newer than `known.version`. Errors: io, unavailable, corrupt.
  Result<void> refresh(QueueSummary& known);

  /// Tenants that have a build whose time has come. Errors: as refresh.
  Result<std::vector<std::string>> ripe(Timestamp now);

 private:
  // REQUIRES of all: mutex_ is held.
  Result<void> catch_up();
  Result<void> read_again(const ReadView& view, const std::string& repository);
  void give_all(QueueSummary& known) const;
  void give_newer(QueueSummary& known) const;
  void note_version(const std::string& repository);

  MetadataStore& metadata_;
  std::mutex mutex_;
  QueueSummary summary_;                                   // guarded by mutex_, as all below
  std::map<std::string, unsigned, std::less<>> changing_;  // how many writes are under way
  std::set<std::string, std::less<>> changed_;             // since it was last read
  std::map<std::uint64_t, std::string> by_version_;        // each repository once
  std::map<std::string, std::uint64_t, std::less<>> versions_;
  std::size_t gone_ = 0;          // versions of repositories that have no builds, about
  std::uint64_t all_before_ = 0;  // who knows an older version takes everything
  std::set<std::pair<Timestamp, std::string>> ready_;  // tenants by their next_ready
};

}  // namespace slipway
