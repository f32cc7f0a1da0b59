// LiveLogs: one copy of what is new in a followed log, for all who follow it.
//
// However many read a build's log as it grows, each commit to it is looked at once, and each piece
// is read from the store once and handed to all who stand at its place: the bytes are shared, not
// copied. Pieces are kept until everyone who follows has passed them, and at most so many bytes of a
// log. Who falls further behind reads the store by itself, at its own pace, without holding up
// anybody; catching up, it shares again. So a reader pins at most the one piece that it is sending.
//
// A commit wakes those only who wait.
//
// Thread safety: LiveLogs any thread. A LogFollower belongs to one thread at a time; its wake-up
// comes from any thread, possibly still while the follower is being destroyed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <slipway/build/build_queue.hpp>
#include <slipway/build/log_store.hpp>
#include <slipway/http/message.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

class LiveLog;

/// One reader's place in a log that grows.
class LogFollower {
 public:
  /// `wake` is called when `next` may have more after it answered `waiting`.
  LogFollower(std::shared_ptr<LiveLog> log, std::uint64_t offset, std::function<void()> wake);
  ~LogFollower();
  LogFollower(const LogFollower&) = delete;
  LogFollower& operator=(const LogFollower&) = delete;

  /// The next piece, of 64 KiB at most, with `more`; else `waiting`, `end` once the build has ended
  /// and all is read, or `broken`: the store cannot be read.
  BodyStream::State next(SharedBytes& piece);

 private:
  friend class LiveLog;

  const std::shared_ptr<LiveLog> log_;
  const std::shared_ptr<const std::function<void()>> wake_;
  std::uint64_t offset_;
  bool waits_ = false;  // guarded by the log's mutex
};

class LiveLogs {
 public:
  /// Bytes in one piece, and of one log in memory.
  static constexpr std::size_t piece_bytes = std::size_t{64} * 1024;
  static constexpr std::size_t most_bytes = std::size_t{512} * 1024;

  /// All must outlive it, and it those who follow.
  LiveLogs(MetadataStore& metadata, BuildQueue& queue, LogStore& logs)
      : metadata_(metadata), queue_(queue), logs_(logs) {}

  /// The log that everyone who follows this build shares; it goes with the last of them.
  std::shared_ptr<LiveLog> open(std::string_view build);

 private:
  friend class LiveLog;

  void forget(const std::string& build);

  MetadataStore& metadata_;
  BuildQueue& queue_;
  LogStore& logs_;
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<LiveLog>, std::less<>> open_;  // guarded by mutex_
};

}  // namespace slipway
