#include "lmdb/committer.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "lmdb/transaction.hpp"

namespace slipway::lmdb {

Result<void> Committer::write(const MetadataStore::Write& closure) {
  Request request{closure, {}};
  std::unique_lock lock(mutex_);
  const bool leads = join(request);
  const std::shared_ptr<Group> group = open_;
  if (leads) {
    lead(lock);
  } else {
    lock.unlock();
    group->done.wait(0, std::memory_order_acquire);
  }
  return std::move(request.result);
}

void Committer::write_then(MetadataStore::Write closure, MetadataStore::Done done) {
  auto deferred = std::make_unique<Deferred>(std::move(closure), std::move(done));
  std::unique_lock lock(mutex_);
  const bool leads = join(deferred->request);
  open_->deferred.push_back(std::move(deferred));
  if (leads) lead(lock);
}

bool Committer::join(Request& request) {
  const bool leads = open_ == nullptr;
  if (leads) open_ = std::make_shared<Group>();
  open_->requests.push_back(&request);
  return leads;
}

void Committer::lead(std::unique_lock<std::mutex>& lock) {
  idle_.wait(lock, [this] { return !committing_; });
  committing_ = true;
  gather(lock);
  const std::shared_ptr<Group> group = std::exchange(open_, nullptr);
  last_size_ = group->requests.size();
  lock.unlock();

  commit(group->requests);

  const bool upkeep = !broken_ && environment_.upkeep_is_due(somebody_waits());
  if (!upkeep) end_turn();
  group->done.store(1, std::memory_order_release);
  group->done.notify_all();
  tell(*group);
  if (!upkeep) return;
  broken_ = !environment_.upkeep() && environment_.broken();
  end_turn();
}

bool Committer::somebody_waits() {
  const std::lock_guard lock(mutex_);
  return open_ != nullptr;
}

void Committer::end_turn() {
  {
    const std::lock_guard lock(mutex_);
    committing_ = false;
  }
  idle_.notify_one();
}

/// One that throws ends the program: the others wait to be told.
void Committer::tell(const Group& group) noexcept {
  for (const auto& deferred : group.deferred) deferred->done(std::move(deferred->request.result));
}

/// Yields instead of sleeping: the shortest sleep is longer than the whole wait.
void Committer::gather(std::unique_lock<std::mutex>& lock) {
  const Requests& requests = open_->requests;
  if (requests.size() == 1 && last_size_ == 1) return;  // nobody else writes
  std::size_t seen = 0;
  do {
    seen = requests.size();
    lock.unlock();
    const auto end = std::chrono::steady_clock::now() + gather_;
    while (std::chrono::steady_clock::now() < end) std::this_thread::yield();
    lock.lock();
  } while (requests.size() > seen);
}

/// Not enough memory ends the program here: the others of the group wait for an answer.
void Committer::commit(const Requests& all) noexcept {
  for (Request* request : commit_together(all)) (void)commit_together({request});
}

/// Answers those that need a transaction of their own.
Committer::Requests Committer::commit_together(const Requests& all) {
  Requests requests = all;
  Requests apart;
  while (!requests.empty()) {
    Result<void> done = prepare();
    Transaction transaction(environment_, log_);
    if (done) done = transaction.begin();
    if (done) {
      if (Request* spoiler = run(transaction, requests); spoiler != nullptr) {
        if (transaction.broken() && all.size() > 1) apart.push_back(spoiler);
        std::erase(requests, spoiler);
        continue;
      }
      if (transaction.changes() > 0) done = make_durable(transaction);
    }
    if (!done && all.size() > 1) return all;
    if (!done) {
      requests.front()->result = std::move(done);
      break;
    }
    if (transaction.changes() > 0) {
      commits_.fetch_add(1, std::memory_order_relaxed);
      writes_.fetch_add(requests.size(), std::memory_order_relaxed);
    }
    topics_.publish(transaction.topics());
    break;
  }
  return apart;
}

/// A transaction may begin after it.
Result<void> Committer::prepare() {
  if (broken_) SLIPWAY_CHECK(reopen());
  // Pages that only the last checkpoint sees are free after the next.
  const bool wants_room = environment_.has_left_checkpoint() && environment_.map_is_tight();
  if (!wants_room && !environment_.needs_checkpoint()) return {};
  Result<void> done = environment_.checkpoint();
  broken_ = !done && environment_.broken();
  return done;
}

Result<void> Committer::make_durable(Transaction& transaction) {
  if (!environment_.reserve(transaction.most_growth())) return commit_on_a_full_disk(transaction);
  if (Result<void> appended = environment_.append(log_); !appended) {
    transaction.abort();
    broken_ = environment_.broken();
    return appended;
  }
  const std::size_t id = transaction.id();
  const Result<void> done = transaction.commit();
  if (done) return done;
  environment_.commit_failed(id);
  broken_ = environment_.broken();
  const bool is_there = broken_ && reopen() && environment_.last_transaction() >= id;
  return is_there ? Result<void>() : done;
}

/// What frees room may find it in LMDB's file; only then is it known that the journal may have it.
/// Readers see it before that.
Result<void> Committer::commit_on_a_full_disk(Transaction& transaction) {
  const Result<void> done = transaction.commit();
  broken_ = environment_.broken();
  if (broken_ || !done) return done;
  const Result<void> flushed = environment_.checkpoint();
  if (!flushed) environment_.distrust();
  broken_ = !flushed;
  return flushed;
}

Result<void> Committer::reopen() {
  SLIPWAY_CHECK(snapshots_.without_snapshots([this] { return environment_.reopen(); }));
  broken_ = false;
  return {};
}

Result<void> Committer::repair() {
  {
    const std::lock_guard lock(mutex_);
    if (committing_) return Error(ErrorCode::unavailable, "the metadata store is being written to");
    committing_ = true;
  }
  broken_ = broken_ || environment_.broken();
  Result<void> done = broken_ ? reopen() : Result<void>();
  end_turn();
  return done;
}

/// Runs them all, or up to the one that failed after it had written, and answers that one.
Committer::Request* Committer::run(Transaction& transaction, const Requests& requests) {
  for (Request* request : requests) {
    const std::uint64_t changes = transaction.changes();
    request->result = transaction.run(request->closure);
    if (!request->result && transaction.changes() != changes) return request;
  }
  return nullptr;
}

MetadataStore::Counts Committer::counts() const noexcept {
  return {commits_.load(std::memory_order_relaxed), writes_.load(std::memory_order_relaxed)};
}

}  // namespace slipway::lmdb
