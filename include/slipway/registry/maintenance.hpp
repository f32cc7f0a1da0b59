// Maintenance: the long operations of a running store, such as garbage collection, scrub and backup.
//
// A kind of operation has a name and a function that turns options into work. An operation runs on
// a thread of its own, at most one of each kind at a time, and tells how far it has come as named
// counts. The last few of each kind are remembered, in memory: a restart forgets them, and what they
// had done stays done.
//
// Thread safety: any thread; add and repeat before the first start.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/result.hpp>
#include <slipway/core/timestamp.hpp>
#include <slipway/storage/metadata_store.hpp>
#include <slipway/support/clock.hpp>
#include <slipway/support/log.hpp>
#include <slipway/support/metrics.hpp>

namespace slipway {

enum class OperationState : std::uint8_t { running, succeeded, failed, cancelled };

/// "running", "succeeded", ...
std::string_view to_string(OperationState state) noexcept;

/// How far one thing has come: "blobs", 12 of 40. Names that end in "bytes" count bytes.
struct OperationCount {
  std::string name;
  std::uint64_t done = 0;
  std::optional<std::uint64_t> total;  // where it is known
};

struct Operation {
  std::string id;    // a ULID
  std::string kind;  // "scrub"
  OperationState state = OperationState::running;
  Timestamp started{};
  std::optional<Timestamp> finished;
  std::vector<OperationCount> progress;  // in the order in which they were first told
  std::string result;                    // a JSON object of the kind's own, once it succeeded
  std::optional<Error> error;            // why it failed
  std::uint64_t revision = 0;            // grows whenever subscribers are told
};

/// What the work of an operation is given. It belongs to the operation's thread.
class OperationRun {
 public:
  virtual ~OperationRun() = default;

  /// Sets a count. Cheap: subscribers are told a few times a second at most.
  virtual void count(std::string_view name, std::uint64_t done,
                     std::optional<std::uint64_t> total = std::nullopt) = 0;

  [[nodiscard]] virtual std::stop_token stop_token() const noexcept = 0;

  /// To be asked between steps. Errors: cancelled.
  [[nodiscard]] Result<void> check() const;
};

/// Answers the result, a JSON object. An error with the code `cancelled` means that it stopped
/// because it was told to.
using OperationWork = std::function<Result<std::string>(OperationRun&)>;

/// Reads the options, a JSON object. Errors: invalid_argument and whatever else forbids the start.
using OperationMaker = std::function<Result<OperationWork>(std::string_view options)>;

class Maintenance {
 public:
  /// All must outlive it.
  explicit Maintenance(Clock& clock, Log& log = Log::none(), Metrics& metrics = Metrics::none());
  /// As stop.
  ~Maintenance();
  Maintenance(const Maintenance&) = delete;
  Maintenance& operator=(const Maintenance&) = delete;

  /// A kind: lower-case letters, digits and dashes.
  void add(std::string kind, OperationMaker make);

  /// Starts the kind with these options after `first`, and then `every` so often, counted from the
  /// start before; skipped while one of the kind still runs. `every` is above 0.
  void repeat(std::string kind, std::string options, std::chrono::milliseconds every,
              std::chrono::milliseconds first);

  /// The operation as it was started. Errors: not_found (no such kind), conflict (one of the kind
  /// runs; the message names it), unavailable (stopped), those of the kind's maker.
  Result<Operation> start(std::string_view kind, std::string_view options);

  /// As it is now. Errors: not_found.
  [[nodiscard]] Result<Operation> find(std::string_view id) const;

  /// All that are remembered, the newest first.
  [[nodiscard]] std::vector<Operation> list() const;

  /// Asks it to stop, which it does at its next step. Errors: not_found, conflict (it has ended).
  Result<Operation> cancel(std::string_view id);

  /// Returns once it has ended. Errors: not_found.
  Result<Operation> wait(std::string_view id) const;

  /// `callback` runs when the operation's revision grew, as MetadataStore::subscribe. May outlive
  /// this.
  std::unique_ptr<Subscription> subscribe(std::string_view id, std::function<void()> callback);

  /// Cancels all that run, waits for them, and starts no more.
  void stop();

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace slipway
