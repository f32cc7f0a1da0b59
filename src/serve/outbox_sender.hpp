// OutboxSender: has couriers carry what waits in the outbox, many at once.
//
// It wakes on commits that fill the outbox, when an attempt has ended and when a repeat is due. What
// failed is tried again after a second, doubling to an hour, each pause shortened by a random part
// of up to a half, for about a day; then it is given up, and so is what was refused.
//
// Nobody waits for a stranger: a destination (host and port) has at most `of_one` requests out, and
// one only as long as it did not answer the last; all have at most `at_once`. Destinations take
// turns.
//
// Thread safety: any thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>
#include <slipway/support/clock.hpp>
#include <slipway/support/log.hpp>
#include <slipway/support/metrics.hpp>

#include "notify/outbox.hpp"
#include "serve/courier.hpp"

namespace slipway {

struct OutboxSenderParts {
  MetadataStore& metadata;
  Clock& clock;
  Log& log;
  std::map<OutboxKind, Courier*> couriers;
};

struct OutboxSenderOptions {
  std::size_t at_once = 64;
  std::size_t of_one = 4;
  /// From 0 to 1, for the length of pauses; empty: at random. Called under a lock.
  std::function<double()> jitter = {};
};

class OutboxSender {
 public:
  /// All must outlive it.
  explicit OutboxSender(OutboxSenderParts parts, OutboxSenderOptions options = {});
  /// As stop.
  ~OutboxSender() { stop(); }
  OutboxSender(const OutboxSender&) = delete;
  OutboxSender& operator=(const OutboxSender&) = delete;

  /// On threads of its own, until it is stopped. Once.
  void run();
  /// What is being sent is given up and sent again by the next that runs. Nothing is sent after it.
  void stop();

  /// Sends until nothing is due and answers when the next is; nullopt: the outbox is empty. Instead
  /// of run: for tests. Errors: io, corrupt.
  Result<std::optional<Timestamp>> send_due();

 private:
  void loop(const std::stop_token& stop);
  /// Hands out what is due and has room; answers when the next is due of what has room. Errors: io,
  /// corrupt.
  Result<std::optional<Timestamp>> hand_out();
  /// How many more a destination may have out. Under the lock.
  [[nodiscard]] std::size_t room_of(const std::string& destination) const;
  void start_thread();
  void work();
  void carry(const OutboxItem& item);
  Result<void> finish(const OutboxItem& item, const Attempt& attempt);
  [[nodiscard]] std::chrono::milliseconds pause_after(std::uint64_t attempts);

  const OutboxSenderParts parts_;
  OutboxSenderOptions options_;
  std::stop_source stopping_;

  std::mutex mutex_;
  std::condition_variable woken_;   // for the loop: something is new
  std::condition_variable handed_;  // for the threads: there is work
  // Guarded by mutex_:
  bool wake_ = false;
  std::set<std::string, std::less<>> out_;              // ids that are handed out
  std::map<std::string, std::size_t, std::less<>> out_by_destination_;
  std::set<std::string, std::less<>> silent_;           // destinations that did not answer
  std::deque<OutboxItem> handed_out_;
  std::size_t idle_threads_ = 0;
  std::vector<std::thread> threads_;
  std::optional<Error> failure_;  // of the store, since the last look
  std::string last_served_;       // the destination that was handed out last
  std::size_t handed_count_ = 0;  // in all

  std::unique_ptr<Subscription> subscription_;
  std::thread loop_;
};

}  // namespace slipway
