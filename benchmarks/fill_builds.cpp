// fill_builds: a data folder with many builds, for build_list.py.
//
//   fill_builds DATA COUNT
//
// They are submitted by the build queue's own calls, from 64 threads so that flushes are shared, to
// 1,000 repositories of 100 tenants, and wait. A million take some minutes.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <slipway/build/build_queue.hpp>
#include <slipway/registry/registry.hpp>
#include <slipway/storage/blob_store.hpp>
#include <slipway/storage/open_stores.hpp>

namespace {

using namespace slipway;

constexpr std::size_t threads = 64;

BuildRequest request_for(std::size_t number) {
  const std::string name = "tenant" + std::to_string(number % 100) + "/app" + std::to_string(number % 1000);
  return BuildRequest(RepositoryName::parse(name).value(),
                      GitSource{"https://git.example.com/" + name + ".git", "refs/heads/main", ""});
}

}  // namespace

int main(int count, char** words) {
  const std::size_t builds = count == 3 ? std::strtoull(words[2], nullptr, 10) : 0;
  if (builds == 0) {
    std::fprintf(stderr, "fill_builds: expected a data folder and how many builds\n");
    return 2;
  }
  const auto stores = open_stores(words[1]).value();
  BlobStore blobs(stores->metadata(), stores->objects(), Clock::system());
  const auto registry = open_registry(blobs, Clock::system()).value();
  const auto queue = open_build_queue(stores->metadata(), *registry, Clock::system()).value();
  std::vector<std::jthread> submitters;
  for (std::size_t first = 0; first < threads; ++first)
    submitters.emplace_back([&, first] {
      for (std::size_t i = first; i < builds; i += threads)
        if (const auto build = queue->submit(request_for(i)); !build) {
          std::fprintf(stderr, "fill_builds: %s\n", build.error().message.c_str());
          std::_Exit(1);
        }
    });
}
