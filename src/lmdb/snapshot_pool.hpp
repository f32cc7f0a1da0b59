// SnapshotPool: LMDB's read transactions, kept to be used again.
//
// A slot is a read transaction and the room for the snapshot that uses it. Taking a snapshot renews
// the transaction, ending it resets the transaction and gives the slot back: neither allocates once
// there are as many slots as there were ever snapshots at a time. Slots lie on shelves, chosen by
// thread, so that readers seldom meet at a lock; writers use none of them.
//
// Thread safety: any thread; all snapshots must have ended when the pool goes.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>

#include "lmdb/environment.hpp"

namespace slipway::lmdb {

class SnapshotPool {
 public:
  explicit SnapshotPool(const Environment& environment) : environment_(environment) {}
  ~SnapshotPool();
  SnapshotPool(const SnapshotPool&) = delete;
  SnapshotPool& operator=(const SnapshotPool&) = delete;

  /// Errors: unavailable (too many snapshots), io.
  Result<std::unique_ptr<ReadView>> take();

  /// Runs `act` when no snapshot is there, and lets none be taken meanwhile; idle slots are gone by
  /// then. Errors: unavailable (there are some), those of `act`.
  Result<void> without_snapshots(const std::function<Result<void>()>& act);

  struct Slot;
  void give_back(Slot* slot) noexcept;

 private:
  struct alignas(64) Shelf {
    std::mutex mutex;
    std::vector<Slot*> idle;  // guarded by mutex
    std::size_t taken = 0;    // guarded by mutex; slots of this shelf that are in use or being made
  };

  static Slot* take_idle(Shelf& shelf) noexcept;
  Slot* take_idle_elsewhere(Shelf& own) noexcept;
  Result<Slot*> find_slot(Shelf& shelf);
  void drop(Slot* slot) noexcept;

  static constexpr std::size_t shelf_count = 16;

  const Environment& environment_;
  std::array<Shelf, shelf_count> shelves_;
};

}  // namespace slipway::lmdb
