#include "lmdb/snapshot_pool.hpp"

#include <cstddef>
#include <new>
#include <thread>

#include "lmdb/view.hpp"

namespace slipway::lmdb {

namespace {

class Snapshot final : public View<ReadView> {
 public:
  Snapshot(const Environment& environment, MDB_txn* transaction) : View(environment, transaction) {}
  ~Snapshot() override { mdb_txn_reset(transaction_); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  /// A snapshot lives in its slot: made in its room, and deleting it gives the slot back.
  static void* operator new(std::size_t size, SnapshotPool::Slot& slot) noexcept;
  static void operator delete(void* room, SnapshotPool::Slot& slot) noexcept;
  static void operator delete(void* room) noexcept;
};

}  // namespace

struct SnapshotPool::Slot {
  alignas(Snapshot) std::array<std::byte, sizeof(Snapshot)> room;  // first: its address is ours
  SnapshotPool* pool;
  Shelf* home;
  MDB_txn* transaction;
};

namespace {

void* Snapshot::operator new(std::size_t /*size*/, SnapshotPool::Slot& slot) noexcept {
  return slot.room.data();
}
void Snapshot::operator delete(void* /*room*/, SnapshotPool::Slot& slot) noexcept {
  slot.pool->give_back(&slot);
}
void Snapshot::operator delete(void* room) noexcept {
  auto* slot = reinterpret_cast<SnapshotPool::Slot*>(room);
  slot->pool->give_back(slot);
}

}  // namespace

SnapshotPool::~SnapshotPool() {
  for (Shelf& shelf : shelves_)
    for (Slot* slot : shelf.idle) drop(slot);
}

void SnapshotPool::drop(Slot* slot) noexcept {
  mdb_txn_abort(slot->transaction);
  delete slot;
}

Result<std::unique_ptr<ReadView>> SnapshotPool::take() {
  const std::size_t thread = std::hash<std::thread::id>()(std::this_thread::get_id());
  Shelf& shelf = shelves_[thread % shelves_.size()];
  SLIPWAY_TRY(Slot* const slot, find_slot(shelf));
  if (const int status = mdb_txn_renew(slot->transaction); status != 0) {
    Shelf& home = *slot->home;
    drop(slot);
    const std::lock_guard lock(home.mutex);
    --home.taken;
    return environment_.error(status, "take a snapshot");
  }
  return std::unique_ptr<ReadView>(new (*slot) Snapshot(environment_, slot->transaction));
}

/// Counts as taken from here on: nobody opens the environment anew under it.
SnapshotPool::Slot* SnapshotPool::take_idle(Shelf& shelf) noexcept {
  const std::lock_guard lock(shelf.mutex);
  if (shelf.idle.empty()) return nullptr;
  Slot* slot = shelf.idle.back();
  shelf.idle.pop_back();
  ++shelf.taken;
  return slot;
}

SnapshotPool::Slot* SnapshotPool::take_idle_elsewhere(Shelf& own) noexcept {
  for (Shelf& other : shelves_)
    if (&other != &own)
      if (Slot* slot = take_idle(other); slot != nullptr) return slot;
  return nullptr;
}

/// An idle one or a new one, whose transaction is at rest until it is renewed.
Result<SnapshotPool::Slot*> SnapshotPool::find_slot(Shelf& shelf) {
  if (Slot* slot = take_idle(shelf); slot != nullptr) return slot;
  {
    const std::lock_guard lock(shelf.mutex);
    ++shelf.taken;
  }
  MDB_txn* transaction = nullptr;
  const int status = environment_.get() == nullptr
                         ? MDB_PANIC
                         : mdb_txn_begin(environment_.get(), nullptr, MDB_RDONLY, &transaction);
  if (status == 0) {
    mdb_txn_reset(transaction);
    return new Slot{{}, this, &shelf, transaction};
  }
  {
    const std::lock_guard lock(shelf.mutex);
    --shelf.taken;
  }
  if (status == MDB_READERS_FULL)
    if (Slot* slot = take_idle_elsewhere(shelf); slot != nullptr) return slot;
  return environment_.error(status, "take a snapshot");
}

void SnapshotPool::give_back(Slot* slot) noexcept {
  const std::lock_guard lock(slot->home->mutex);
  --slot->home->taken;
  slot->home->idle.push_back(slot);
}

Result<void> SnapshotPool::without_snapshots(const std::function<Result<void>()>& act) {
  std::array<std::unique_lock<std::mutex>, shelf_count> locks;
  std::size_t taken = 0;
  for (std::size_t i = 0; i < shelf_count; ++i) {
    locks[i] = std::unique_lock(shelves_[i].mutex);
    taken += shelves_[i].taken;
  }
  if (taken > 0)
    return Error(ErrorCode::unavailable,
                 "the metadata store waits for snapshots to end, to be opened anew");
  for (Shelf& shelf : shelves_) {
    for (Slot* slot : shelf.idle) drop(slot);
    shelf.idle.clear();
  }
  return act();
}

}  // namespace slipway::lmdb
