// LogSender: carries the build's log to the server, in order, without a hole and without a repeat.
//
// Bytes are gathered for some milliseconds or until there are 64 KiB, and stay here until the
// server has acknowledged them. Each chunk says at which offset it belongs; when an answer is lost
// the chunk is sent again, and when the server says how much it has (200 and 416 alike), sending
// goes on from there. Memory is bounded: append blocks while more than 1 MiB waits, and so the
// build does.
//
// Thread safety: any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include <slipway/core/result.hpp>

#include "worker/server_link.hpp"

namespace slipway {

struct LogSenderOptions {
  std::string url;  // …/log, to which ?offset=N is added
  std::string token;
  std::uint64_t offset = 0;  // where this worker's log begins
  std::chrono::milliseconds batch{50};
  std::chrono::milliseconds patience{std::chrono::hours(24)};
  std::size_t chunk = std::size_t{64} * 1024;
  std::size_t buffer = std::size_t{1} << 20U;
  std::uint64_t most_bytes = std::uint64_t{64} << 20U;  // of append; the rest is left out
  std::stop_token work;  // stopped: append neither waits nor takes bytes any more
  std::stop_token over;  // stopped: sending ends
};

class LogSender {
 public:
  /// Begins to send. `over` is called, from the sender's thread, when the server says that the
  /// attempt is over. The link must outlive the sender.
  LogSender(ServerLink& link, LogSenderOptions options, std::function<void()> over);
  /// Drops what was not sent.
  ~LogSender();

  /// Adds bytes of the build. Returns at once when sending has ended.
  void append(std::string_view bytes);
  /// Adds a line of the worker's own, without its line break, also behind a log that was cut.
  void note(std::string_view line);

  /// Waits until all that was added is acknowledged. False: sending has ended, or was stopped.
  bool flush(const std::stop_token& stop);

 private:
  /// Waits for room unless that is stopped.
  void add(std::string_view bytes, const std::stop_token& stop);
  void run(const std::stop_token& stop);
  bool send_chunk(std::uint64_t offset, const std::string& chunk, const std::stop_token& stop);
  void acknowledged(std::uint64_t offset, std::size_t sent, std::uint64_t size);

  ServerLink& link_;
  const LogSenderOptions options_;
  const std::function<void()> over_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string buffer_;          // not acknowledged yet; guarded by mutex_
  std::uint64_t offset_;        // of the buffer's first byte; guarded by mutex_
  std::uint64_t appended_ = 0;  // guarded by mutex_
  bool cut_ = false;            // guarded by mutex_
  bool flushing_ = false;       // guarded by mutex_
  bool ended_ = false;          // guarded by mutex_

  std::stop_source stop_;
  std::jthread thread_;
};

}  // namespace slipway
