#include "lmdb/snapshot_pool.hpp"

#include <cstddef>
#include <functional>
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
  for (Shelf& shelf : shelves_) {
    for (Slot* slot : shelf.idle) {
      mdb_txn_abort(slot->transaction);
      delete slot;
    }
  }
}

Result<std::unique_ptr<ReadView>> SnapshotPool::take() {
  const std::size_t thread = std::hash<std::thread::id>()(std::this_thread::get_id());
  Shelf& shelf = shelves_[thread % shelves_.size()];
  Slot* slot = take_idle(shelf);
  if (slot == nullptr) {
    SLIPWAY_TRY(slot, make_slot(shelf));
  }
  if (const int status = mdb_txn_renew(slot->transaction); status != 0) {
    mdb_txn_abort(slot->transaction);
    delete slot;
    return environment_.error(status, "take a snapshot");
  }
  return std::unique_ptr<ReadView>(new (*slot) Snapshot(environment_, slot->transaction));
}

SnapshotPool::Slot* SnapshotPool::take_idle(Shelf& shelf) noexcept {
  const std::lock_guard lock(shelf.mutex);
  if (shelf.idle.empty()) return nullptr;
  Slot* slot = shelf.idle.back();
  shelf.idle.pop_back();
  return slot;
}

/// The transaction of a slot is at rest until it is renewed.
Result<SnapshotPool::Slot*> SnapshotPool::make_slot(Shelf& shelf) {
  MDB_txn* transaction = nullptr;
  const int status = mdb_txn_begin(environment_.get(), nullptr, MDB_RDONLY, &transaction);
  if (status == MDB_READERS_FULL) {
    for (Shelf& other : shelves_)
      if (Slot* slot = take_idle(other); slot != nullptr) return slot;
  }
  if (status != 0) return environment_.error(status, "take a snapshot");
  mdb_txn_reset(transaction);
  return new Slot{{}, this, &shelf, transaction};
}

void SnapshotPool::give_back(Slot* slot) noexcept {
  const std::lock_guard lock(slot->home->mutex);
  slot->home->idle.push_back(slot);
}

}  // namespace slipway::lmdb
