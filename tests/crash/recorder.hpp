// Recorder: what a program does to the files below one folder, as a CallLog.
//
// interposed_calls.cpp defines libc's calls on files anew, for the whole program: its own code,
// LMDB's and libstdc++'s. Each asks the active recorder, which keeps the table of descriptors, and
// carries the call out by its number. A call holds the recorder's lock while it runs, so that the
// log's order is what happened; flushes and writes that are written through do not, so that others
// go on meanwhile as on a real machine.
//
// What escapes (a call from within libc, a system call by number) is not in the log. Who uses one
// proves it complete: replaying all of it must give the very files that are there.
//
// Thread safety: any thread; one Recorder at a time in a program.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "tests/crash/call_log.hpp"

namespace slipway::crash {

class Recorder {
 public:
  /// Records from now on. `folder` must be there and absolute, without links in its path.
  explicit Recorder(const std::filesystem::path& folder);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  void begin(std::uint64_t action) { mark(Entry::Kind::begin, action); }
  void succeed(std::uint64_t action) { mark(Entry::Kind::succeed, action); }
  void fail(std::uint64_t action) { mark(Entry::Kind::fail, action); }

  /// Ends the recording.
  CallLog take();

  // ---- for interposed_calls.cpp ----

  struct File {
    std::uint64_t handle = 0;
    std::string path;
    bool written_through = false;
    bool appends = false;
    dev_t device = 0;
    ino_t inode = 0;
  };

  /// Null when nothing is recorded.
  static Recorder* active() noexcept;

  [[nodiscard]] std::unique_lock<std::mutex> lock() { return std::unique_lock(mutex_); }
  // All below: the lock is held.
  /// Relative to the folder; nullopt for one that is not below it.
  [[nodiscard]] std::optional<std::string> within(int folder, const char* path) const;
  /// Null for a descriptor of another file.
  std::shared_ptr<const File> find(int descriptor);
  void opened(int descriptor, std::string path, int flags, bool made);
  void duplicated(int descriptor, int copy);
  void closed(int descriptor) { files_.erase(descriptor); }
  void add(Entry entry);
  [[nodiscard]] std::uint64_t next_flush() noexcept { return ++flushes_; }

 private:
  void mark(Entry::Kind kind, std::uint64_t action);

  const std::string root_;  // with a slash at its end
  std::mutex mutex_;
  CallLog log_;                                               // guarded by mutex_
  std::unordered_map<int, std::shared_ptr<const File>> files_;  // guarded by mutex_
  std::uint64_t flushes_ = 0;                                 // guarded by mutex_
};

}  // namespace slipway::crash
