// Growth: blocks for LMDB's file before LMDB writes to them.
//
// What a journal has must also find room in LMDB's file. So the file system is asked for the blocks
// first, when it can still be refused.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>

namespace slipway::lmdb {

class Growth {
 public:
  /// `descriptor` is LMDB's; the file never gets longer than `limit` bytes by this.
  Growth(int descriptor, std::uint64_t limit) noexcept : descriptor_(descriptor), limit_(limit) {}

  /// The file has blocks for its first `end` bytes, or for all up to the limit. 0, or an errno.
  [[nodiscard]] int reach(std::uint64_t end) noexcept;

 private:
  [[nodiscard]] int allocate(std::uint64_t end) noexcept;

  static constexpr std::uint64_t most_ahead = std::uint64_t{16} << 20U;

  const int descriptor_;
  const std::uint64_t limit_;
  std::uint64_t allocated_ = 0;
};

}  // namespace slipway::lmdb
