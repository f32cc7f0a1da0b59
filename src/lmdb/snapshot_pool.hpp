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

  struct Slot;
  void give_back(Slot* slot) noexcept;

 private:
  struct alignas(64) Shelf {
    std::mutex mutex;
    std::vector<Slot*> idle;  // guarded by mutex
  };

  Slot* take_idle(Shelf& shelf) noexcept;
  Result<Slot*> make_slot(Shelf& shelf);

  const Environment& environment_;
  std::array<Shelf, 16> shelves_;
};

}  // namespace slipway::lmdb
