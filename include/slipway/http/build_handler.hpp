// Handlers of the build system's API: for people and scripts, for webhooks, for workers.
//
// Their routes and JSON are in docs/http.md. Errors are application/problem+json (RFC 9457).
//
// Thread safety: any thread. All parts must outlive their handler.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>
#include <string>

#include <slipway/auth/access_policy.hpp>
#include <slipway/auth/token.hpp>
#include <slipway/build/build_queue.hpp>
#include <slipway/build/delivery_store.hpp>
#include <slipway/build/log_store.hpp>
#include <slipway/build/scheduler.hpp>
#include <slipway/build/trigger.hpp>
#include <slipway/build/worker_protocol.hpp>
#include <slipway/http/destination_rules.hpp>
#include <slipway/http/handler.hpp>
#include <slipway/notify/notification.hpp>
#include <slipway/registry/maintenance.hpp>
#include <slipway/registry/registry.hpp>
#include <slipway/support/log.hpp>

namespace slipway {

struct BuildHandlerParts {
  MetadataStore& metadata;
  Registry& registry;
  BuildQueue& queue;
  LogStore& logs;
  TriggerStore& triggers;
  DeliveryStore& deliveries;
  NotificationStore& notifications;
  TokenStore& tokens;
  Maintenance& maintenance;
  const Authenticator& authenticator;
  const AccessPolicy& policy;
  Clock& clock;
  Log& log;
  Scheduler* scheduler = nullptr;  // tells why builds wait; none: nothing tells it
};

struct BuildHandlerOptions {
  std::string public_url;                             // for hook URLs
  std::vector<std::string> git_protocols{"https", "ssh"};
  std::uint64_t max_context_bytes = std::uint64_t{2} << 30U;
  std::chrono::milliseconds heartbeat_interval{5000};
  /// What workers pull with from other registries for a tenant; empty: nothing.
  std::function<std::vector<RegistryLogin>(std::string_view tenant)> registry_logins = {};
  bool layer_cache = true;  // workers keep the layers of a repository's builds beside it
  DestinationRules destinations = {};  // where people may have the server send something
};

/// /api/v1/: builds, logs, triggers, repositories, tokens, operations.
std::unique_ptr<HttpHandler> make_build_handler(const BuildHandlerParts& parts,
                                                const BuildHandlerOptions& options);

/// /hooks/{trigger id}: signatures over the raw body; Authorization is ignored.
std::unique_ptr<HttpHandler> make_webhook_handler(const BuildHandlerParts& parts,
                                                  const BuildHandlerOptions& options);

/// /worker/v1/: registration, heartbeats, logs, phases, results.
std::unique_ptr<HttpHandler> make_worker_handler(const BuildHandlerParts& parts,
                                                 const BuildHandlerOptions& options);

}  // namespace slipway
