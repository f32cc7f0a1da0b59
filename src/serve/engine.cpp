#include "serve/engine.hpp"

#include <utility>
#include <vector>

namespace slipway {

Engine::Engine(std::filesystem::path folder, Clock& clock)
    : folder_(std::move(folder)), clock_(clock) {}

Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::open(const std::filesystem::path& folder,
                                             const StoreOptions& store_options,
                                             const BuildQueueOptions& queue_options,
                                             Clock& clock, Metrics& metrics,
                                             const RegistryOptions& registry_options,
                                             std::chrono::seconds bearer_lifetime) {
  std::unique_ptr<Engine> engine(new Engine(folder, clock));
  SLIPWAY_TRY(engine->stores_, open_stores(folder, store_options));
  MetadataStore& metadata = engine->metadata();
  engine->blobs_ = std::make_unique<BlobStore>(metadata, engine->stores_->objects(), clock);
  SLIPWAY_TRY(engine->registry_, open_registry(*engine->blobs_, clock, registry_options));
  engine->tokens_ = std::make_unique<TokenStore>(metadata, clock);
  SLIPWAY_TRY(engine->worker_tokens_, WorkerTokens::open(metadata));
  std::vector<const CredentialVerifier*> verifiers{engine->tokens_.get(),
                                                   engine->worker_tokens_.get()};
  SLIPWAY_TRY(engine->bearer_tokens_,
              BearerTokens::open(metadata, clock, verifiers, bearer_lifetime));
  verifiers.push_back(engine->bearer_tokens_.get());
  engine->authenticator_ = std::make_unique<Authenticator>(std::move(verifiers));
  SLIPWAY_TRY(engine->queue_,
              open_build_queue(metadata, *engine->registry_, clock, queue_options, metrics));
  engine->logs_ = std::make_unique<LogStore>(metadata, engine->blobs_.get());
  engine->triggers_ = std::make_unique<TriggerStore>(metadata, clock);
  return engine;
}

}  // namespace slipway
