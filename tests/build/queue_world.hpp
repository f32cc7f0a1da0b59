// A queue with everything below it, on memory or on LMDB, that can be closed and opened again.
#pragma once

#include <gtest/gtest.h>

#include <slipway/build/build_queue.hpp>
#include <slipway/build/log_store.hpp>
#include <slipway/build/worker_tokens.hpp>
#include <slipway/registry/registry.hpp>
#include <slipway/storage/blob_store.hpp>
#include <slipway/storage/open_stores.hpp>
#include <slipway/support/clock.hpp>
#include <slipway/support/hasher.hpp>

#include <memory>
#include <string>
#include <string_view>

#include "tests/build/watched_stores.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway::test {

inline constexpr const char* some_commit = "9f3c2e1d4b5a69788796a5b4c3d2e1f00112233a";
inline constexpr const char* some_nonce = "0123456789abcdef";
inline constexpr const char* other_nonce = "fedcba9876543210";

enum class StoreKind { memory, lmdb };

inline BuildRequest request_for(std::string_view repository, int priority = 0) {
  BuildRequest request(RepositoryName::parse(repository).value(),
                       GitSource{"https://git.example.com/a.git", "refs/heads/main", ""});
  request.priority = priority;
  return request;
}

class QueueWorld {
 public:
  explicit QueueWorld(StoreKind kind = StoreKind::memory, const BuildQueueOptions& options = {})
      : options_(options), kind_(kind) {
    if (kind_ == StoreKind::memory)
      stores = std::make_unique<WatchedStores>(make_memory_stores(), watch);
    open();
  }

  /// As another process would find all of it: only what was committed is left.
  void restart() {
    queue.reset();
    tokens.reset();
    logs.reset();
    registry.reset();
    blobs.reset();
    open();
  }

  /// As another process would find the queue.
  void reopen() {
    queue.reset();
    queue = open_build_queue(stores->metadata(), *registry, clock, options_).value();
  }

  Build submit(const BuildRequest& request) {
    clock.advance(std::chrono::milliseconds(1));
    return queue->submit(request).value();
  }
  Build submit(std::string_view repository, int priority = 0) {
    return submit(request_for(repository, priority));
  }

  /// A small manifest that the repository holds.
  Digest push_manifest(std::string_view repository) {
    const RepositoryName name = RepositoryName::parse(repository).value();
    constexpr std::string_view config = "{}";
    const Digest config_digest = digest_of(config);
    EXPECT_TRUE(registry->put_blob(name, config_digest, config).ok());
    const std::string part = R"("digest":")" + config_digest.to_string() + R"(","size":2})";
    const std::string manifest =
        R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
        R"("config":{"mediaType":"application/vnd.oci.image.config.v1+json",)" +
        part + R"(,"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar",)" + part + "]}";
    const Digest digest = digest_of(manifest);
    const auto put = registry->put_manifest(name, digest, manifest,
                                            "application/vnd.oci.image.manifest.v1+json");
    EXPECT_TRUE(put.ok()) << put.error().message;
    return digest;
  }

  /// A build whose worker has registered.
  WorkerCredential run(const std::string& id, std::string_view backend = "local") {
    const BuildLease lease = queue->lease(id, backend).value();
    const WorkerCredential attempt{id, lease.build.epoch};
    EXPECT_TRUE(queue->started(attempt).ok());
    EXPECT_TRUE(queue->register_worker(lease.registration_token, some_nonce).ok());
    return attempt;
  }

  std::string log_of(const std::string& id) {
    std::string out;
    while (logs->read(id, out.size(), 10'000, out).value() > 0) {
    }
    return out;
  }

 private:
  void open() {
    if (kind_ == StoreKind::lmdb) {
      stores.reset();
      stores = std::make_unique<WatchedStores>(open_stores(folder_.path()).value(), watch);
    }
    blobs = std::make_unique<BlobStore>(stores->metadata(), stores->objects(), clock);
    registry = open_registry(*blobs, clock).value();
    logs = std::make_unique<LogStore>(stores->metadata(), blobs.get());
    tokens = WorkerTokens::open(stores->metadata()).value();
    reopen();
  }

  TemporaryFolder folder_;
  const BuildQueueOptions options_;
  const StoreKind kind_;

 public:
  ManualClock clock{parse_rfc3339("2026-11-24T09:00:00Z").value()};
  PointWatch watch;  // of each commit
  std::unique_ptr<Stores> stores;
  std::unique_ptr<BlobStore> blobs;
  std::unique_ptr<Registry> registry;
  std::unique_ptr<LogStore> logs;
  std::unique_ptr<WorkerTokens> tokens;
  std::unique_ptr<BuildQueue> queue;
};

}  // namespace slipway::test
