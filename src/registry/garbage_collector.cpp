#include <slipway/registry/garbage_collector.hpp>

#include <array>
#include <mutex>
#include <utility>

#include "registry/collection_pass.hpp"
#include "storage/key_space.hpp"

namespace slipway {
namespace {

struct Step {
  std::string_view name;
  Result<void> (*run)(CollectionPass&, std::string& position);
};

/// What one step releases, a later one removes.
constexpr std::array steps{
    Step{"retention", collect_by_retention},       Step{"links", collect_links},
    Step{"content", collect_content},              Step{"repositories", collect_repositories},
    Step{"uploads", collect_uploads},              Step{"objects", collect_objects},
};

/// How often a pass that goes on for long notes where it is.
constexpr std::chrono::minutes position_interval{1};

/// Where a pass stands: a step, and in it the key of a row.
struct Position {
  std::size_t step = 0;
  std::string key;
};

key_space::Key position_key() {
  return key_space::Key(key_space::collection_position);
}

/// The beginning, unless a pass was cut off. Errors: io.
Result<Position> load_position(MetadataStore& metadata) {
  SLIPWAY_TRY(const auto view, metadata.snapshot());
  SLIPWAY_TRY(const auto row, view->get(position_key()));
  if (!row || row->size() < 8) return Position{};
  const std::uint64_t step = key_space::read_number(*row);
  if (step >= steps.size()) return Position{};
  return Position{static_cast<std::size_t>(step), std::string(row->substr(8))};
}

Result<void> save_position(MetadataStore& metadata, const Position& position) {
  return metadata.write([&](WriteTransaction& transaction) {
    std::string row;
    key_space::append_number(row, position.step);
    row.append(position.key);
    return transaction.put(position_key(), row);
  });
}

Result<void> forget_position(MetadataStore& metadata) {
  return metadata.write([](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_CHECK(transaction.erase(position_key()));
    return {};
  });
}

class CollectorMetrics {
 public:
  explicit CollectorMetrics(Metrics& metrics) : metrics_(metrics) {}

  /// What was done since `told`, which follows.
  void tell(const Collected& now, Collected& told) {
    const auto add = [this](std::string_view what, std::uint64_t count, std::uint64_t before) {
      metrics_
          .counter("slipway_gc_removed_total", "What garbage collection removed, by kind.",
                   {{"kind", std::string(what)}})
          .add(static_cast<double>(count - before));
    };
    add("tag", now.tags, told.tags);
    add("manifest", now.manifests, told.manifests);
    add("link", now.links, told.links);
    add("blob", now.blobs, told.blobs);
    add("repository", now.repositories, told.repositories);
    add("upload", now.uploads, told.uploads);
    add("orphan", now.orphans, told.orphans);
    bytes_.add(static_cast<double>(now.bytes - told.bytes));
    examined_.add(static_cast<double>(now.examined - told.examined));
    failures_.add(static_cast<double>(now.failures - told.failures));
    told = now;
  }
  void tell_end(std::string_view outcome) {
    metrics_
        .counter("slipway_gc_passes_total", "Passes of garbage collection, by outcome.",
                 {{"outcome", std::string(outcome)}})
        .add();
  }

 private:
  Metrics& metrics_;
  Counter& bytes_ = metrics_.counter("slipway_gc_removed_bytes_total",
                                     "Bytes of the contents and objects that were removed.");
  Counter& examined_ = metrics_.counter("slipway_gc_examined_total",
                                        "Rows and objects that garbage collection looked at.");
  Counter& failures_ =
      metrics_.counter("slipway_gc_failures_total",
                       "Malformed rows, and objects that could not be removed.");
};

class StoreCollector final : public GarbageCollector {
 public:
  StoreCollector(BlobStore& blobs, Registry& registry, Clock& clock,
                 const GarbageCollectorOptions& options, Log& log, Metrics& metrics)
      : blobs_(blobs),
        registry_(registry),
        clock_(clock),
        options_(options),
        log_(log),
        metrics_(metrics),
        time_(clock) {}

  Result<Collected> collect(From from, const std::stop_token& stop,
                            const Progress& progress) override {
    const std::unique_lock turn(one_at_a_time_, std::try_to_lock);
    if (!turn)
      return Error(ErrorCode::conflict, "a garbage collection runs already; wait for its end");
    Position position;
    if (from == From::where_it_stopped) {
      SLIPWAY_TRY(position, load_position(blobs_.metadata()));
    }
    return run(std::move(position), stop, progress);
  }

 private:
  Result<Collected> run(Position position, const std::stop_token& stop, const Progress& progress) {
    MonotonicTime saved_at = clock_.monotonic();
    Collected told;
    const CollectionPass::Parts parts{blobs_, registry_, clock_, time_, options_, log_};
    CollectionPass* running = nullptr;
    CollectionPass pass(parts, stop, [&] {
      metrics_.tell(running->counts, told);
      if (progress) progress(steps[position.step].name, running->counts);
      if (clock_.monotonic() - saved_at < position_interval) return;
      saved_at = clock_.monotonic();
      (void)save_position(blobs_.metadata(), position);  // a full store still collects
    });
    running = &pass;

    Result<void> done;
    for (; done && position.step < steps.size(); ++position.step, position.key.clear()) {
      done = steps[position.step].run(pass, position.key);
      if (!done) break;
    }
    metrics_.tell(pass.counts, told);
    metrics_.tell_end(done ? "succeeded" : to_string(done.error().code));
    if (!done) {
      (void)save_position(blobs_.metadata(), position);  // the first error is the one to tell
      return std::move(done).error();
    }
    SLIPWAY_CHECK(forget_position(blobs_.metadata()));
    log_end(pass.counts);
    return pass.counts;
  }

  void log_end(const Collected& counts) {
    const auto text = [](std::uint64_t count) { return std::to_string(count); };
    log_.info("garbage collected", {{"tags", text(counts.tags)},
                                    {"manifests", text(counts.manifests)},
                                    {"links", text(counts.links)},
                                    {"blobs", text(counts.blobs)},
                                    {"bytes", text(counts.bytes)},
                                    {"repositories", text(counts.repositories)},
                                    {"uploads", text(counts.uploads)},
                                    {"orphans", text(counts.orphans)},
                                    {"failures", text(counts.failures)},
                                    {"examined", text(counts.examined)}});
  }

  BlobStore& blobs_;
  Registry& registry_;
  Clock& clock_;
  const GarbageCollectorOptions options_;
  Log& log_;
  CollectorMetrics metrics_;
  const SteadyTime time_;
  std::mutex one_at_a_time_;
};

}  // namespace

std::unique_ptr<GarbageCollector> make_garbage_collector(BlobStore& blobs, Registry& registry,
                                                         Clock& clock,
                                                         const GarbageCollectorOptions& options,
                                                         Log& log, Metrics& metrics) {
  return std::make_unique<StoreCollector>(blobs, registry, clock, options, log, metrics);
}

}  // namespace slipway
