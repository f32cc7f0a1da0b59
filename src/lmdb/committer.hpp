// Committer: joins the writes of many threads into few flushes.
//
// Writers join the group that is open. The first of a group leads it: it waits until the group
// before is committed, lets its own grow while it still does, closes it, runs the closures in one
// LMDB transaction, commits, and wakes the others. So a lone writer hands nothing to another
// thread, and while one group flushes the next one gathers.
//
// A closure that fails before it wrote anything is merely answered. One that fails later spoils the
// transaction: it is answered, and the others run again without it. One that LMDB refused for lack
// of room, and all when the commit fails, run again in transactions of their own, so that nobody
// pays for a neighbour.
//
// A group is durable when the environment's journal has its changes; then LMDB commits them. When
// LMDB fails at that, they are taken back from the journal. When it gave up, it must be opened anew
// first, and it may be found that it has them. The leader does that at once, or, when snapshots are
// still there, whoever comes next; until then all are refused.
//
// What checkpoints need of whoever commits comes after the group that made it due was told.
//
// Thread safety: any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>

#include "lmdb/environment.hpp"
#include "lmdb/snapshot_pool.hpp"
#include "storage/topics.hpp"

namespace slipway::lmdb {

class Transaction;

class Committer {
 public:
  Committer(Environment& environment, SnapshotPool& snapshots, Topics& topics,
            std::chrono::microseconds gather)
      : environment_(environment), snapshots_(snapshots), topics_(topics), gather_(gather) {}

  Result<void> write(const MetadataStore::Write& closure);
  /// As MetadataStore's: who joins a group that another leads does not wait for it.
  void write_then(MetadataStore::Write closure, MetadataStore::Done done);
  /// Opens a broken environment anew, unless somebody is committing: that one does it. Does not wait
  /// for anybody. Errors: unavailable, io, corrupt.
  Result<void> repair();
  [[nodiscard]] MetadataStore::Counts counts() const noexcept;

 private:
  struct Request {
    const MetadataStore::Write& closure;
    Result<void> result;
  };
  using Requests = std::vector<Request*>;

  /// A request that nobody waits for.
  struct Deferred {
    Deferred(MetadataStore::Write write, MetadataStore::Done told)
        : closure(std::move(write)), done(std::move(told)) {}

    const MetadataStore::Write closure;
    const MetadataStore::Done done;
    Request request{closure, {}};
  };

  struct Group {
    Requests requests;         // guarded by mutex_ until the group is closed, then its leader's
    std::vector<std::unique_ptr<Deferred>> deferred;  // those of requests that nobody waits for
    std::atomic<int> done{0};  // 1: all results are set
  };

  /// Adds a request to the open group, or opens one. True: the caller leads it.
  bool join(Request& request);
  void lead(std::unique_lock<std::mutex>& lock);
  static void tell(const Group& group) noexcept;
  void gather(std::unique_lock<std::mutex>& lock);
  void commit(const Requests& all) noexcept;
  Requests commit_together(const Requests& all);
  Result<void> prepare();
  Result<void> make_durable(Transaction& transaction);
  Result<void> commit_on_a_full_disk(Transaction& transaction);
  [[nodiscard]] bool somebody_waits();
  void end_turn();
  Result<void> reopen();
  static Request* run(Transaction& transaction, const Requests& requests);

  Environment& environment_;
  SnapshotPool& snapshots_;
  Topics& topics_;
  const std::chrono::microseconds gather_;

  std::mutex mutex_;
  std::condition_variable idle_;  // committing_ became false
  std::shared_ptr<Group> open_;   // guarded by mutex_; the group that writers join
  bool committing_ = false;       // guarded by mutex_
  bool broken_ = false;           // of whoever is committing: LMDB must be opened anew
  std::string log_;               // of whoever is committing: the changes of its transaction
  std::size_t last_size_ = 1;     // guarded by mutex_; of the group before

  std::atomic<std::uint64_t> commits_{0};
  std::atomic<std::uint64_t> writes_{0};
};

}  // namespace slipway::lmdb
