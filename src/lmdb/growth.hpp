// Growth: keeps room of zeros behind what LMDB uses of its file.
//
// A commit that makes the file longer has the file system write where its new blocks are as well,
// which takes a flush most of its time again. A commit into blocks that are there and written
// already has not. So a thread appends zeros before they are needed, past the page cache.
//
// It can harm nobody: it only ever appends, at the end that the file has at that moment, and LMDB
// looks at no page that its meta page does not count. It promises nothing either: where zeros cannot
// be appended, for want of room, commits are as slow as they were.
//
// Thread safety: after_commit from one thread at a time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <thread>

namespace slipway::lmdb {

class Growth {
 public:
  struct Options {
    std::uint64_t least_used = std::uint64_t{4} << 20U;  // bytes; a smaller file is left alone
    std::uint64_t step = std::uint64_t{16} << 20U;       // bytes of room that are kept at most
    std::uint64_t limit = 0;                             // bytes; the file never gets longer
  };

  Growth(std::filesystem::path file, const Options& options);
  ~Growth();
  Growth(const Growth&) = delete;
  Growth& operator=(const Growth&) = delete;

  /// LMDB uses so many bytes of the file now. Returns at once.
  void after_commit(std::uint64_t used) noexcept;

 private:
  void run() noexcept;
  bool open() noexcept;
  /// Appends until there is room enough, or no more can be had for now.
  void append(std::uint64_t used) noexcept;
  [[nodiscard]] std::uint64_t wanted_room(std::uint64_t used) const noexcept;

  const std::filesystem::path path_;
  const Options options_;
  int file_ = -1;                       // the thread's, with those below
  bool direct_ = true;                  // past the page cache
  std::atomic<std::uint64_t> next_{0};  // bytes in use from which on it appends again

  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t used_ = 0;   // guarded by mutex_; 0: nothing is to be done
  bool stopping_ = false;    // guarded by mutex_
  std::thread thread_;       // started by the first after_commit that needs it
};

}  // namespace slipway::lmdb
