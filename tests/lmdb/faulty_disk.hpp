// A disk that refuses: writes and flushes of a metadata store that fail by order.
//
// faulty_disk.cpp puts a pwrite, a writev and an fdatasync of its own before the C library's, for LMDB too.
//
// Thread safety: any thread.
#pragma once

#include <atomic>

namespace slipway::test {

/// How many of the next such calls fail, with EIO.
struct DiskFaults {
  std::atomic<int> metas{0};    // writes of LMDB's meta pages
  std::atomic<int> pages{0};    // of its other pages
  std::atomic<int> slots{0};    // of the journal's checkpoints
  std::atomic<int> appends{0};  // behind them
  std::atomic<int> flushes{0};  // fdatasync, of whatever file
  /// The next write that fails does what it should all the same.
  std::atomic<bool> done_all_the_same{false};
  std::atomic<int> met{0};  // calls that failed

  static constexpr int for_ever = 1'000'000;

  void heal() {
    for (auto* one : {&metas, &pages, &slots, &appends, &flushes}) *one = 0;
    done_all_the_same = false;
  }
};

extern DiskFaults faults;

}  // namespace slipway::test
