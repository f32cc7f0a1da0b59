#include "serve/server.hpp"

#include <slipway/auth/access_policy.hpp>
#include <slipway/build/local_backend.hpp>
#include <slipway/build/scheduler.hpp>
#include <slipway/http/build_handler.hpp>
#include <slipway/http/oci_handler.hpp>
#include <slipway/http/ops_handler.hpp>
#include <slipway/http/server.hpp>
#include <slipway/http/transport.hpp>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <thread>
#include <utility>
#include <vector>

#include "serve/administrator_token.hpp"
#include "serve/build_operation.hpp"
#include "serve/gate.hpp"
#include "serve/gc_operation.hpp"
#include "serve/notification_courier.hpp"
#include "serve/operations.hpp"
#include "serve/outbox_sender.hpp"
#include "serve/status_courier.hpp"
#include "serve/worker_identity.hpp"
#include "support/cgroup.hpp"
#include "support/format.hpp"
#include "worker/build_disk.hpp"

namespace slipway {
namespace {

/// Finished logs are compressed and what is too old is removed this often, and so long after a start.
constexpr std::chrono::minutes tidying_interval{5};
constexpr std::chrono::minutes first_tidying{1};

std::string make_url(bool secure, std::string_view host, std::uint16_t port) {
  const bool ipv6 = host.find(':') != std::string_view::npos;
  return slipway::format("{}://{}{}{}:{}", secure ? "https" : "http", ipv6 ? "[" : "", host,
                         ipv6 ? "]" : "", port);
}

/// Where this machine reaches a server that listens on `host`: an address of all interfaces is none
/// to connect to.
std::string_view reachable_host(std::string_view host) {
  if (host == "0.0.0.0") return "127.0.0.1";
  if (host == "::") return "::1";
  return host;
}

class RunningServer final : public Server {
 public:
  /// Without an engine it opens its own, of the configuration's data folder.
  RunningServer(const Configuration& configuration, Engine* engine, Log& log, Metrics& metrics)
      : configuration_(configuration),
        engine_(engine),
        log_(log),
        metrics_(metrics),
        policy_(configuration.anonymous) {}

  Result<void> start() {
    if (asks_for_certificates()) {
      SLIPWAY_CHECK(open_engine());
      SLIPWAY_TRY(worker_identity_, ensure_worker_identity(engine_->folder()));
    }
    SLIPWAY_CHECK(bind());
    SLIPWAY_CHECK(open_engine());
    SLIPWAY_CHECK(make_backends());
    SLIPWAY_CHECK(make_maintenance());
    SLIPWAY_CHECK(open_scheduler());
    make_handlers();
    SLIPWAY_TRY(const auto token_file,
                ensure_administrator_token(engine_->tokens(), engine_->folder()));
    if (token_file)
      log_.info("administrator token written", {{"path", token_file->string()}});
    gate_.open(router_);
    scheduler_->run();
    SLIPWAY_CHECK(start_sending());
    log_.info("listening", {{"url", url_},
                            {"data", engine_->folder().string()},
                            {"public_url", public_url_}});
    return {};
  }

  ~RunningServer() override { stop(std::chrono::milliseconds(0)); }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  [[nodiscard]] const std::string& url() const noexcept override { return url_; }

  void drain() override {
    log_.info("draining");
    stop(configuration_.shutdown_grace);
    log_.info("drained");
  }

 private:
  void stop(std::chrono::milliseconds grace) {
    draining_.store(true);
    if (maintenance_) maintenance_->stop();  // first, so that those who follow one see its end
    if (http_) http_->drain(grace);
    if (scheduler_) scheduler_->stop();
    if (sender_) sender_->stop();
    end_link_local_rules();
  }

  /// Where a worker still runs, which outlives the server, the rule stays until the next stop.
  void end_link_local_rules() {
    for (const auto& [backend, options] : std::exchange(link_local_rules_, {})) {
      const auto workers = backends_[backend]->list();
      if (!workers || std::any_of(workers->begin(), workers->end(),
                                  [](const BackendWorker& worker) { return worker.running; }))
        continue;
      if (const auto ended = end_link_local_rule(options); !ended)
        log_.warning("the routing rule for builds stays",
                     {{"backend", options.name}, {"reason", ended.error().message}});
    }
  }

  [[nodiscard]] bool asks_for_certificates() const noexcept {
    return configuration_.tls && !configuration_.tls->client_ca.empty();
  }

  Result<void> bind() {
    HttpServerOptions options = configuration_.limits.http;
    options.host = configuration_.listen.host;
    options.port = configuration_.listen.port;
    options.tls = configuration_.tls;
    if (options.tls) options.tls->own_client = worker_identity_;
    SLIPWAY_TRY(http_, start_http_server(gate_, options, log_, metrics_));

    const bool secure = configuration_.tls.has_value();
    url_ = make_url(secure, options.host, http_->port());
    public_url_ = configuration_.url.empty()
                      ? make_url(secure, reachable_host(options.host), http_->port())
                      : configuration_.url;
    return {};
  }

  Result<void> open_engine() {
    if (engine_ != nullptr) return {};
    BuildQueueOptions options;
    options.default_timeout = configuration_.builds.timeout;
    RegistryOptions registry_options;
    registry_options.sparse_images = configuration_.registry.sparse_images;
    registry_options.lease = configuration_.registry.gc.lease;
    registry_options.upload_lifetime = configuration_.registry.upload_lifetime;
    registry_options.max_blob_bytes = configuration_.limits.max_blob_bytes;
    SLIPWAY_TRY(own_engine_, Engine::open(configuration_.data, configuration_.storage, options,
                                          Clock::system(), metrics_, registry_options,
                                          configuration_.bearer_lifetime));
    engine_ = own_engine_.get();
    return {};
  }

  Result<void> make_backends() {
    for (const LocalBackendConfiguration& wanted : configuration_.builds.backends) {
      LocalBackendOptions options;
      options.name = wanted.name;
      options.slots =
          wanted.slots > 0 ? wanted.slots : std::max(1U, std::thread::hardware_concurrency());
      options.folder = std::filesystem::absolute(engine_->folder()) / "workers" / wanted.name;
      options.warm = wanted.warm;
      options.program = wanted.program;
      if (configuration_.tls)  // a certificate that signed itself is its own authority
        options.worker_arguments = {
            "--ca", std::filesystem::absolute(configuration_.tls->certificate).string()};
      if (!worker_identity_.empty()) {
        options.worker_arguments.emplace_back("--certificate");
        options.worker_arguments.push_back(worker_identity_.string());
      }
      options.disk = wanted.disk;
      if (wanted.disk > 0 && choose_disk_bound(probe_disk()) == DiskBound::watched)
        log_.warning("the disk of builds is measured now and then, not limited",
                     {{"backend", options.name},
                      {"reason", "that needs root, loop devices, mkfs.ext4 and mount"}});
      if (wanted.isolation) isolate(options, wanted);
      SLIPWAY_TRY(auto backend, make_local_backend(options, log_));
      backends_.push_back(std::move(backend));
    }
    return {};
  }

  /// As far as the machine lets us; what it does not is said.
  void isolate(LocalBackendOptions& options, const LocalBackendConfiguration& wanted) {
    constexpr std::uint32_t first = 1'000'000'000;
    constexpr std::uint32_t users_of_a_backend = 1024U * 65536U;
    options.first_user = first + static_cast<std::uint32_t>(backends_.size()) * users_of_a_backend;
    options.hidden = std::filesystem::absolute(engine_->folder());
    options.processes = wanted.processes;
    options.memory = wanted.memory;
    if (const auto possible = probe_local_isolation(options); !possible) {
      options.first_user.reset();
      log_.warning("builds are not isolated: they run as the server's user",
                   {{"backend", options.name}, {"reason", possible.error().message}});
      return;
    }
    if (const auto groups = find_cgroup_place(); !groups)
      log_.warning("memory and processes of builds are limited one by one, not together",
                   {{"backend", options.name}, {"reason", groups.error().message}});
    if (const auto kept = keep_from_link_local(options); !kept)
      log_.warning("builds can reach 169.254.169.254",
                   {{"backend", options.name}, {"reason", kept.error().message}});
    else
      link_local_rules_.emplace_back(backends_.size(), options);
  }

  Result<void> make_maintenance() {
    const ScrubParts parts{engine_->blobs(), engine_->clock(), log_, metrics_};
    quarantine_watch_ = watch_quarantine(parts);
    GarbageCollectorOptions options;
    options.retention = configuration_.registry.retention;
    if (const auto& kept = configuration_.builds.layer_cache)  // unless the operator's say otherwise
      options.retention.push_back({"**/layer-cache", {}, {}, *kept, *kept});
    options.load = configuration_.registry.gc.load;
    collector_ = make_garbage_collector(engine_->blobs(), engine_->registry(), engine_->clock(),
                                        options, log_, metrics_);
    gauges_ = std::make_unique<StoreGauges>(engine_->registry(), metrics_);
    maintenance_ = std::make_unique<Maintenance>(engine_->clock(), log_, metrics_);
    deliveries_ = std::make_unique<DeliveryStore>(engine_->metadata(),
                                                  configuration_.builds.deliveries);
    notifications_ = std::make_unique<NotificationStore>(engine_->metadata(), engine_->clock(),
                                                         configuration_.outgoing.kept);
    maintenance_->add("tidy-builds",
                      tidy_builds_operation({engine_->metadata(), engine_->queue(), engine_->logs(),
                                             *deliveries_, *notifications_, engine_->clock(), log_,
                                             engine_->registry().lease()},
                                            configuration_.builds.retention));
    maintenance_->repeat("tidy-builds", "{}", tidying_interval, first_tidying);
    return add_operations(*maintenance_, *engine_, *collector_, parts, configuration_.registry);
  }

  void make_handlers() {
    OciHandlerOptions oci_options;
    oci_options.reads_may_block = engine_->metadata().reads_may_block();
    oci_options.bearer_tokens = &engine_->bearer_tokens();
    oci_options.url = configuration_.url;
    oci_options.max_manifest_bytes = configuration_.limits.max_manifest_bytes;
    oci_ = make_oci_handler(engine_->registry(), engine_->authenticator(), policy_, oci_options,
                            log_, metrics_);

    const BuildHandlerParts parts{engine_->metadata(), engine_->registry(),      engine_->queue(),
                                  engine_->logs(),     engine_->triggers(),      *deliveries_,
                                  *notifications_,     engine_->tokens(),
                                  *maintenance_,       engine_->authenticator(), policy_,
                                  engine_->clock(),    log_,                     scheduler_.get()};
    BuildHandlerOptions options;
    options.public_url = public_url_;
    options.git_protocols = configuration_.builds.git_protocols;
    constexpr int calls = 4;  // of a worker, before it is taken for lost
    options.heartbeat_interval =
        std::min(options.heartbeat_interval, configuration_.builds.silence_timeout / calls);
    options.layer_cache = configuration_.builds.layer_cache.has_value();
    options.destinations = configuration_.outgoing.destinations;
    options.registry_logins = [this](std::string_view tenant) { return registry_logins(tenant); };
    api_ = make_build_handler(parts, options);
    hooks_ = make_webhook_handler(parts, options);
    workers_ = make_worker_handler(parts, options);
    ops_ = make_ops_handler(
        metrics_, [this] { return ready(); }, [this] { gauges_->refresh(); });

    router_.mount("/v2/", *oci_);
    router_.mount("/api/v1/", *api_);
    router_.mount("/hooks/", *hooks_);
    router_.mount("/worker/v1/", *workers_);
    router_.mount("/", *ops_);
  }

  Result<void> open_scheduler() {
    SchedulerOptions options;
    options.server_url = public_url_;
    options.start_timeout = configuration_.builds.start_timeout;
    options.silence_timeout = configuration_.builds.silence_timeout;
    options.queue_timeout = configuration_.builds.queue_timeout;
    options.idle_log_timeout = configuration_.builds.idle_log_timeout;
    options.rules = configuration_.builds.rules;
    for (const LocalBackendConfiguration& backend : configuration_.builds.backends)
      if (backend.slots > 0) options.rules.backends[backend.name] = backend.slots;
    std::vector<BuildBackend*> backends;
    for (const auto& backend : backends_) backends.push_back(backend.get());
    SLIPWAY_TRY(scheduler_, make_scheduler(engine_->metadata(), engine_->queue(),
                                           std::move(backends), engine_->clock(), options, log_,
                                           metrics_));
    return {};
  }

  Result<void> start_sending() {
    TransportOptions options;
    options.destinations = configuration_.outgoing.destinations;
    SLIPWAY_TRY(transport_, make_http_transport(options));
    statuses_ = std::make_unique<StatusCourier>(
        StatusCourierParts{engine_->queue(), engine_->triggers(), *transport_,
                           configuration_.outgoing.destinations},
        public_url_);
    notification_courier_ = std::make_unique<NotificationCourier>(NotificationCourierParts{
        engine_->metadata(), *notifications_, *transport_, engine_->clock(),
        configuration_.outgoing.destinations});
    sender_ = std::make_unique<OutboxSender>(
        OutboxSenderParts{engine_->metadata(), engine_->clock(), log_,
                          {{OutboxKind::status, statuses_.get()},
                           {OutboxKind::notification, notification_courier_.get()}}});
    sender_->run();
    return {};
  }

  std::vector<RegistryLogin> registry_logins(std::string_view tenant) {
    std::vector<RegistryLogin> logins;
    const auto configured = configuration_.builds.registries.find(tenant);
    if (configured == configuration_.builds.registries.end()) return logins;
    for (const RegistryLoginConfiguration& login : configured->second) {
      std::ifstream file(login.password_file);
      std::string password;
      if (!std::getline(file, password)) {
        log_.warning("a registry's password cannot be read: builds pull from it without",
                     {{"tenant", std::string(tenant)},
                      {"registry", login.host},
                      {"file", login.password_file.string()}});
        continue;
      }
      logins.push_back({login.host, login.username, std::move(password)});
    }
    return logins;
  }

  [[nodiscard]] Result<void> ready() const {
    if (draining_.load())
      return Error(ErrorCode::unavailable, "the server is shutting down");
    auto snapshot = engine_->metadata().snapshot();
    if (!snapshot) return snapshot.error();
    return {};
  }

  const Configuration configuration_;
  Engine* engine_;
  Log& log_;
  Metrics& metrics_;
  std::string url_;
  std::string public_url_;  // what clients, hooks and workers are told
  std::atomic<bool> draining_{false};

  // In the order of their making; they go in the reverse.
  std::unique_ptr<Engine> own_engine_;
  const AccessPolicy policy_;
  std::filesystem::path worker_identity_;  // empty: clients need no certificates
  std::vector<std::unique_ptr<BuildBackend>> backends_;
  /// Of the backend of this index, with the options it was made with.
  std::vector<std::pair<std::size_t, LocalBackendOptions>> link_local_rules_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<HttpTransport> transport_;
  std::unique_ptr<StatusCourier> statuses_;
  std::unique_ptr<NotificationStore> notifications_;
  std::unique_ptr<NotificationCourier> notification_courier_;
  std::unique_ptr<OutboxSender> sender_;
  std::unique_ptr<Subscription> quarantine_watch_;
  std::unique_ptr<GarbageCollector> collector_;
  std::unique_ptr<StoreGauges> gauges_;
  std::unique_ptr<DeliveryStore> deliveries_;
  std::unique_ptr<Maintenance> maintenance_;
  std::unique_ptr<HttpHandler> oci_;
  std::unique_ptr<HttpHandler> api_;
  std::unique_ptr<HttpHandler> hooks_;
  std::unique_ptr<HttpHandler> workers_;
  std::unique_ptr<HttpHandler> ops_;
  HttpRouter router_;
  Gate gate_;
  std::unique_ptr<HttpServer> http_;  // bound first, gone first: the others must outlive it
};

}  // namespace

Result<std::unique_ptr<Server>> start_server(const Configuration& configuration, Log& log,
                                             Metrics& metrics) {
  auto server = std::make_unique<RunningServer>(configuration, nullptr, log, metrics);
  SLIPWAY_CHECK(server->start());
  return std::unique_ptr<Server>(std::move(server));
}

Result<std::unique_ptr<Server>> start_server(Engine& engine, const Configuration& configuration,
                                             Log& log, Metrics& metrics) {
  auto server = std::make_unique<RunningServer>(configuration, &engine, log, metrics);
  SLIPWAY_CHECK(server->start());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace slipway
