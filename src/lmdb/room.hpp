// Room: how much a transaction may still add before the map is full.
//
// LMDB copies pages even to erase, so a map that is full to its last page cannot be emptied either.
// The last part of the map is therefore a reserve: when it is all that is left, a closure that
// makes the store larger is refused, and one that makes it smaller goes through.
//
// Free pages are only counted when the file has grown near its limit, since that walks LMDB's free
// list. Growth is counted twice: pages are half full at worst.
//
// Thread safety: one thread, the one of the transaction.
#pragma once

#include <cstddef>
#include <cstdint>

#include <slipway/core/result.hpp>

#include "lmdb/environment.hpp"

namespace slipway::lmdb {

class Room {
 public:
  /// REQUIRES: within a write transaction that changed nothing yet. Errors: unavailable (too many
  /// snapshots), io, corrupt.
  Result<void> measure(const Environment& environment);

  /// False: nothing needs to be counted.
  [[nodiscard]] bool is_tight() const noexcept { return tight_; }

  void begin_closure() noexcept { growth_ = 0; }
  void add(std::size_t bytes) noexcept { growth_ += static_cast<std::int64_t>(bytes); }
  void remove(std::size_t bytes) noexcept { growth_ -= static_cast<std::int64_t>(bytes); }
  /// True: what the closure added does not fit.
  [[nodiscard]] bool end_closure() noexcept;

 private:
  bool tight_ = false;
  std::int64_t left_ = 0;    // bytes above the reserve; negative within it
  std::int64_t growth_ = 0;  // bytes that the closure added, less those that it removed
};

}  // namespace slipway::lmdb
