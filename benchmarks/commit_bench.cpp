// Durable puts of small blobs: SHA-256 of 4 KiB and a commit that is flushed when it returns.
//
// commits_per_write says how far concurrent writers share a flush: 1 when nobody shares. The data
// folder is made under TMPDIR, so that names the disk that is measured.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <slipway/storage/blob_store.hpp>
#include <slipway/storage/open_stores.hpp>

namespace {

using namespace slipway;

/// One data folder for all threads of a run.
struct Setup {
  std::filesystem::path folder;
  std::unique_ptr<Stores> stores;
  std::unique_ptr<BlobStore> blobs;
  MetadataStore::Counts before;
};
std::unique_ptr<Setup> setup;

void open_folder(const benchmark::State& /*state*/) {
  setup = std::make_unique<Setup>();
  std::string pattern = std::filesystem::temp_directory_path() / "slipway-bench-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) std::abort();
  setup->folder = pattern;
  setup->stores = open_stores(setup->folder).value();
  setup->blobs = std::make_unique<BlobStore>(setup->stores->metadata(), setup->stores->objects(),
                                             Clock::system());
  setup->before = setup->stores->metadata().counts();
}

void remove_folder(const benchmark::State& /*state*/) {
  const std::filesystem::path folder = setup->folder;
  setup.reset();
  std::filesystem::remove_all(folder);
}

void put_blob(benchmark::State& state) {
  std::mt19937_64 random(static_cast<std::uint64_t>(state.thread_index()));
  std::string bytes(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) {
    const std::uint64_t unique = random();
    std::memcpy(bytes.data(), &unique, sizeof unique);
    if (!setup->blobs->put(bytes)) {
      state.SkipWithError("put failed");
      break;
    }
  }
  state.SetItemsProcessed(state.iterations());
  if (state.thread_index() == 0) {
    const auto after = setup->stores->metadata().counts();
    state.counters["commits_per_write"] =
        static_cast<double>(after.commits - setup->before.commits) /
        static_cast<double>(after.writes - setup->before.writes);
  }
}

/// A snapshot, a look-up of a blob, and its bytes: what a manifest GET costs here.
void read_blob(benchmark::State& state) {
  static std::vector<Digest> digests;
  if (state.thread_index() == 0) {
    digests.clear();
    for (int i = 0; i < 1000; ++i)
      digests.push_back(setup->blobs->put(std::to_string(i) + std::string(4000, 'x'))->digest);
  }
  std::size_t next = static_cast<std::size_t>(state.thread_index());
  for (auto _ : state) {
    const auto view = setup->stores->metadata().snapshot();
    const auto bytes = setup->blobs->inline_bytes(**view, digests[next++ % digests.size()]);
    benchmark::DoNotOptimize((*bytes)->data());
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(put_blob)
    ->Arg(4096)
    ->Arg(65536)
    ->Threads(1)
    ->Threads(16)
    ->UseRealTime()
    ->Setup(open_folder)
    ->Teardown(remove_folder);
BENCHMARK(read_blob)->Threads(1)->UseRealTime()->Setup(open_folder)->Teardown(remove_folder);

}  // namespace
