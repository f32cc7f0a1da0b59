// Engine: one data folder, opened, with everything that works on it and no transport.
//
// What a server serves, what the C API calls a store, and what a program that embeds Slipway
// whole would start from.
//
// Thread safety: any thread; see each part.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>

#include <slipway/auth/bearer_tokens.hpp>
#include <slipway/auth/token.hpp>
#include <slipway/build/build_queue.hpp>
#include <slipway/build/log_store.hpp>
#include <slipway/build/trigger.hpp>
#include <slipway/build/worker_tokens.hpp>
#include <slipway/core/result.hpp>
#include <slipway/registry/registry.hpp>
#include <slipway/storage/blob_store.hpp>
#include <slipway/storage/open_stores.hpp>
#include <slipway/support/clock.hpp>
#include <slipway/support/metrics.hpp>

namespace slipway {

class Engine {
 public:
  /// Errors: as open_stores and open_build_queue.
  static Result<std::unique_ptr<Engine>> open(const std::filesystem::path& folder,
                                              const StoreOptions& store_options = {},
                                              const BuildQueueOptions& queue_options = {},
                                              Clock& clock = Clock::system(),
                                              Metrics& metrics = Metrics::none(),
                                              const RegistryOptions& registry_options = {},
                                              std::chrono::seconds bearer_lifetime =
                                                  usual_bearer_lifetime);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_; }
  [[nodiscard]] Clock& clock() noexcept { return clock_; }
  [[nodiscard]] Stores& stores() noexcept { return *stores_; }
  [[nodiscard]] MetadataStore& metadata() noexcept { return stores_->metadata(); }
  [[nodiscard]] BlobStore& blobs() noexcept { return *blobs_; }
  [[nodiscard]] Registry& registry() noexcept { return *registry_; }
  [[nodiscard]] TokenStore& tokens() noexcept { return *tokens_; }
  [[nodiscard]] const BearerTokens& bearer_tokens() const noexcept { return *bearer_tokens_; }
  [[nodiscard]] const Authenticator& authenticator() const noexcept { return *authenticator_; }
  [[nodiscard]] BuildQueue& queue() noexcept { return *queue_; }
  [[nodiscard]] LogStore& logs() noexcept { return *logs_; }
  [[nodiscard]] TriggerStore& triggers() noexcept { return *triggers_; }

 private:
  Engine(std::filesystem::path folder, Clock& clock);

  const std::filesystem::path folder_;
  Clock& clock_;
  // In the order of their making; they go in the reverse.
  std::unique_ptr<Stores> stores_;
  std::unique_ptr<BlobStore> blobs_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<TokenStore> tokens_;
  std::unique_ptr<WorkerTokens> worker_tokens_;
  std::unique_ptr<BearerTokens> bearer_tokens_;
  std::unique_ptr<Authenticator> authenticator_;
  std::unique_ptr<BuildQueue> queue_;
  std::unique_ptr<LogStore> logs_;
  std::unique_ptr<TriggerStore> triggers_;
};

}  // namespace slipway
