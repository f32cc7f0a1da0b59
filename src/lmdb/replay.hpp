// Replay: makes a journal's changes again in LMDB, in transactions of a good size.
//
// Thread safety: one thread.
#pragma once

#include <lmdb.h>

#include <cstddef>

#include "lmdb/changes.hpp"

namespace slipway::lmdb {

class Replay {
 public:
  Replay(MDB_env* env, MDB_dbi database) : env_(env), database_(database) {}
  /// Aborts what was not committed.
  ~Replay();
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

  /// LMDB's status, as the next one.
  [[nodiscard]] int put_or_erase(const Change& change);
  /// After the last change.
  [[nodiscard]] int commit();

 private:
  MDB_env* const env_;
  const MDB_dbi database_;
  MDB_txn* transaction_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace slipway::lmdb
