// StatusSender: carries commit statuses from the outbox to the providers.
//
// It wakes on commits that fill the outbox and when a repeat is due. A provider that cannot be
// reached, or says that it is not well (5xx, 408, 429), is tried again after a second, doubling to an
// hour, for a day; any other refusal is final and told in the log. Requests go over https only.
//
// Thread safety: any thread.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include <slipway/build/build_queue.hpp>
#include <slipway/build/trigger.hpp>
#include <slipway/core/result.hpp>
#include <slipway/http/transport.hpp>
#include <slipway/storage/metadata_store.hpp>
#include <slipway/support/clock.hpp>
#include <slipway/support/log.hpp>

#include "build/status_outbox.hpp"

namespace slipway {

struct StatusSenderParts {
  MetadataStore& metadata;
  BuildQueue& queue;
  TriggerStore& triggers;
  HttpTransport& transport;
  Clock& clock;
  Log& log;
};

class StatusSender {
 public:
  /// All must outlive it. `public_url`: how people reach this server.
  StatusSender(const StatusSenderParts& parts, std::string public_url)
      : parts_(parts), public_url_(std::move(public_url)) {}
  /// As stop.
  ~StatusSender() { stop(); }
  StatusSender(const StatusSender&) = delete;
  StatusSender& operator=(const StatusSender&) = delete;

  /// On a thread of its own, until it is stopped. Once.
  void run();
  /// What is being sent is given up and sent again by the next that runs.
  void stop();

  /// Sends all that is due and answers when the next is; nullopt: the outbox is empty. For run, and
  /// for tests. Errors: io, corrupt.
  Result<std::optional<Timestamp>> send_due(const std::stop_token& stop = {});

 private:
  enum class Outcome { done, again };

  void loop(const std::stop_token& stop);
  /// Errors: io, corrupt.
  Result<Outcome> send(const PendingStatus& pending, const std::stop_token& stop);
  [[nodiscard]] Outcome judge(const PendingStatus& pending, const Result<IncomingResponse>& answer);

  const StatusSenderParts parts_;
  const std::string public_url_;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool wake_ = false;  // guarded by mutex_
  std::unique_ptr<Subscription> subscription_;
  std::jthread thread_;
};

}  // namespace slipway
