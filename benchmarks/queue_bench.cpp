// The build queue over LMDB: durable submits, leases and ends; and what a lease and the summary
// cost with many builds waiting.
#include <benchmark/benchmark.h>

#include <slipway/build/build_queue.hpp>
#include <slipway/build/scheduling_policy.hpp>
#include <slipway/registry/registry.hpp>
#include <slipway/storage/blob_store.hpp>
#include <slipway/storage/open_stores.hpp>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace slipway {
namespace {

BuildRequest request_for(const std::string& repository) {
  return BuildRequest(RepositoryName::parse(repository).value(),
                      GitSource{"https://git.example.com/a.git", "refs/heads/main", ""});
}

/// A queue in a folder of its own (under TMPDIR, which should be a real disk).
class OpenQueue {
 public:
  OpenQueue() {
    std::string pattern = (std::filesystem::temp_directory_path() / "slipway-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    stores_ = open_stores(folder_).value();
    blobs_ = std::make_unique<BlobStore>(stores_->metadata(), stores_->objects(), Clock::system());
    registry_ = open_registry(*blobs_, Clock::system()).value();
    reopen();
  }
  ~OpenQueue() {
    queue_.reset();
    registry_.reset();
    blobs_.reset();
    stores_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  OpenQueue(const OpenQueue&) = delete;
  OpenQueue& operator=(const OpenQueue&) = delete;

  void reopen() {
    queue_ = open_build_queue(stores_->metadata(), *registry_, Clock::system()).value();
  }
  BuildQueue& queue() { return *queue_; }

 private:
  std::filesystem::path folder_;
  std::unique_ptr<Stores> stores_;
  std::unique_ptr<BlobStore> blobs_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<BuildQueue> queue_;
};

std::unique_ptr<OpenQueue> shared;

void open_shared(const benchmark::State&) {
  shared = std::make_unique<OpenQueue>();
}
void close_shared(const benchmark::State&) {
  shared.reset();
}

/// Four durable commits a build: submit, lease, register, fail (class user: final).
void whole_build(benchmark::State& state) {
  BuildQueue& queue = shared->queue();
  const BuildRequest request =
      request_for("tenant" + std::to_string(state.thread_index()) + "/app");
  const BuildFailure failure{FailureClass::user, "step_failed", "", 1};
  for (auto _ : state) {
    const Build build = queue.submit(request).value();
    const BuildLease lease = queue.lease(build.id, "local").value();
    if (!queue.register_worker(lease.registration_token, "0123456789abcdef") ||
        !queue.fail({build.id, 1}, failure))
      state.SkipWithError("a step failed");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(whole_build)->Setup(open_shared)->Teardown(close_shared)->UseRealTime();
BENCHMARK(whole_build)->Setup(open_shared)->Teardown(close_shared)->Threads(16)->UseRealTime();

/// Fills the queue from 64 threads, so that flushes are shared.
void fill(BuildQueue& queue, std::size_t builds, std::size_t tenants) {
  constexpr std::size_t threads = 64;
  std::vector<std::thread> writers;
  for (std::size_t thread = 0; thread < threads; ++thread)
    writers.emplace_back([&queue, builds, tenants, thread] {
      for (std::size_t i = thread; i < builds; i += threads)
        if (!queue.submit(request_for("tenant" + std::to_string(i % tenants) + "/app"))) return;
    });
  for (std::thread& writer : writers) writer.join();
}

/// Filled once for all the runs of a benchmark with these arguments.
OpenQueue& filled(std::size_t builds, std::size_t tenants) {
  static std::unique_ptr<OpenQueue> kept;
  static std::pair<std::size_t, std::size_t> of;
  if (kept == nullptr || of != std::pair(builds, tenants)) {
    kept.reset();
    kept = std::make_unique<OpenQueue>();
    fill(kept->queue(), builds, tenants);
    of = {builds, tenants};
  }
  return *kept;
}

/// What a scheduler does for each start, with `builds` of `tenants` waiting: refresh, choice and
/// lease; and a commit to give it back.
void lease_among_many(benchmark::State& state) {
  OpenQueue& open = filled(static_cast<std::size_t>(state.range(0)),
                           static_cast<std::size_t>(state.range(1)));
  SchedulingState scheduling;
  scheduling.backends = {{"local", {1, 1, ""}, true, {}}};
  for (auto _ : state) {
    if (!open.queue().refresh(scheduling.queue)) state.SkipWithError("not refreshed");
    rank(scheduling, {});
    const std::string id = choose_next(scheduling, {})->build;
    const BuildLease lease = open.queue().lease(id, "local").value();
    if (!open.queue().no_room({id, lease.build.epoch})) state.SkipWithError("not given back");
  }
}
BENCHMARK(lease_among_many)
    ->Args({1000, 1})
    ->Args({1000, 1000})
    ->Args({1'000'000, 1000})  // takes minutes to fill
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

/// A page as `slipway build list` asks for: of all, and of a repository's that wait.
void list_among_many(benchmark::State& state) {
  OpenQueue& open = filled(static_cast<std::size_t>(state.range(0)), 1000);
  BuildFilter filter;
  filter.limit = 20;
  if (state.range(1) != 0) {
    filter.repository = "tenant7/app";
    filter.state = BuildState::queued;
  }
  for (auto _ : state) {
    const auto page = open.queue().list(filter);
    if (!page || page->builds.empty()) state.SkipWithError("nothing is listed");
  }
}
BENCHMARK(list_among_many)
    ->Args({1'000'000, 0})
    ->Args({1'000'000, 1})
    ->Unit(benchmark::kMicrosecond);

/// Nothing changed since the last: what waking in vain costs.
void summary_unchanged(benchmark::State& state) {
  OpenQueue open;
  fill(open.queue(), 5'000, static_cast<std::size_t>(state.range(0)));
  QueueSummary known;
  for (auto _ : state) benchmark::DoNotOptimize(open.queue().refresh(known).ok());
}
BENCHMARK(summary_unchanged)->Arg(1)->Arg(1000)->Unit(benchmark::kMicrosecond);

void open_with_many_waiting(benchmark::State& state) {
  OpenQueue open;
  fill(open.queue(), 20'000, 100);
  for (auto _ : state) open.reopen();
}
BENCHMARK(open_with_many_waiting)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace slipway
