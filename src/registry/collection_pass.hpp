// CollectionPass: what the steps of one pass of the garbage collector share: the time, when to rest,
// what was done, and how rows are walked and removed in small pieces.
//
// Thread safety: one thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <slipway/registry/garbage_collector.hpp>

namespace slipway {

/// Wall-clock time that does not run ahead of the monotonic one: when the machine's clock leaps
/// forward, leases do not run out at once.
class SteadyTime {
 public:
  explicit SteadyTime(Clock& clock)
      : clock_(clock), started_(clock.now()), started_monotonic_(clock.monotonic()) {}

  [[nodiscard]] Timestamp now() const {
    const auto passed = std::chrono::floor<std::chrono::milliseconds>(clock_.monotonic() -
                                                                      started_monotonic_);
    return std::min(clock_.now(), started_ + passed);
  }

 private:
  Clock& clock_;
  const Timestamp started_;
  const MonotonicTime started_monotonic_;
};

class CollectionPass {
 public:
  struct Parts {
    BlobStore& blobs;
    Registry& registry;
    Clock& clock;
    const SteadyTime& time;
    const GarbageCollectorOptions& options;
    Log& log;
  };

  CollectionPass(const Parts& parts, std::stop_token stop, std::function<void()> after_piece)
      : parts_(parts), stop_(std::move(stop)), after_piece_(std::move(after_piece)) {}

  Collected counts;

  [[nodiscard]] BlobStore& blobs() const noexcept { return parts_.blobs; }
  [[nodiscard]] Registry& registry() const noexcept { return parts_.registry; }
  [[nodiscard]] MetadataStore& metadata() const noexcept { return parts_.blobs.metadata(); }
  [[nodiscard]] const GarbageCollectorOptions& options() const noexcept { return parts_.options; }
  [[nodiscard]] const std::stop_token& stop() const noexcept { return stop_; }
  /// By which leases run out.
  [[nodiscard]] Timestamp now() const { return parts_.time.now(); }
  /// What is written when a lease is renewed, as everyone else writes it.
  [[nodiscard]] Timestamp wall_clock() const { return parts_.clock.now(); }
  [[nodiscard]] bool has_run_out(Timestamp renewed_at) const {
    return parts_.registry.lease().has_run_out(renewed_at, now());
  }

  /// After each piece of work: tells how far it came, and rests. Errors: cancelled.
  Result<void> pause();

  /// Something that is wrong and that the pass goes on without.
  void note_failure(std::string_view what, const Error& error);

  /// Does the row look like garbage? The answer is for the row alone; the cursor is not moved.
  using Judge = std::function<Result<bool>(const ReadView&, const Cursor&)>;
  /// Looks again, in transactions of its own, and removes. Keys are at most options().batch.
  using Remove = std::function<Result<void>(std::span<const std::string> keys)>;

  /// Walks the rows whose keys begin with `prefix` and are above `position`, which follows. A row
  /// that is malformed is passed over. Errors: cancelled, io, those of `remove`.
  Result<void> walk(std::string_view prefix, std::string& position, const Judge& judge,
                    const Remove& remove);

 private:
  Result<bool> read_piece(std::string_view prefix, std::string& position, const Judge& judge,
                          std::vector<std::string>& garbage);

  const Parts parts_;
  const std::stop_token stop_;
  const std::function<void()> after_piece_;
  MonotonicTime piece_began_ = parts_.clock.monotonic();
};

// ---- the steps; each goes on behind `position` and keeps it up to date ----

Result<void> collect_by_retention(CollectionPass& pass, std::string& position);
Result<void> collect_links(CollectionPass& pass, std::string& position);
Result<void> collect_content(CollectionPass& pass, std::string& position);
Result<void> collect_repositories(CollectionPass& pass, std::string& position);
Result<void> collect_uploads(CollectionPass& pass, std::string& position);
Result<void> collect_objects(CollectionPass& pass, std::string& position);

}  // namespace slipway
