// Configuration: what `slipway serve` runs with, from one YAML file and flags.
//
// Every key has a default and unknown keys are errors. A mistake is one line that says where and
// what was expected: `config.yaml:14: builds.backends[1].slots: expected a whole number above 0,
// got "ten"`. docs/configuration.md lists the keys.
//
// Relative paths are relative to the working directory, as flags' are.
//
// Thread safety: plain values and pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/auth/access_policy.hpp>
#include <slipway/auth/bearer_tokens.hpp>
#include <slipway/build/build_retention.hpp>
#include <slipway/build/delivery_store.hpp>
#include <slipway/build/scheduling_policy.hpp>
#include <slipway/core/result.hpp>
#include <slipway/http/destination_rules.hpp>
#include <slipway/http/server.hpp>
#include <slipway/registry/lease.hpp>
#include <slipway/registry/retention.hpp>
#include <slipway/storage/open_stores.hpp>

namespace slipway {

struct ListenAddress {
  std::string host = "127.0.0.1";
  std::uint16_t port = 5000;
};

/// "127.0.0.1:5000", "[::1]:5000", "localhost:0". Errors: invalid_argument.
Result<ListenAddress> parse_listen_address(std::string_view text);

/// "https://registry.example.com", with http or https, a host and perhaps a port; a slash behind it
/// is taken off. nullopt for anything else: clients of registries know no path before /v2/.
std::optional<std::string> parse_server_url(std::string_view text);
inline constexpr std::string_view expected_server_url =
    "http:// or https:// and a host, such as https://registry.example.com";

/// What a tenant's builds pull from another registry with.
struct RegistryLoginConfiguration {
  std::string host;
  std::string username;
  std::filesystem::path password_file;  // read for each build, so that it can be changed
};

/// A backend that starts workers on this machine.
struct LocalBackendConfiguration {
  std::string name = "local";  // 1 to 63 characters of [a-z0-9-]
  unsigned slots = 0;             // 0: as many as cores
  unsigned warm = 0;              // workers that wait for a build
  std::filesystem::path program;  // that workers are; empty: the running one
  bool isolation = true;          // builds run as users of their own where the machine allows it
  unsigned processes = 4096;      // of each of those users
  std::uint64_t memory = 0;       // bytes of a build, or of each of its processes; 0: no limit
  std::uint64_t disk = 0;         // bytes that a build may put on the disk; 0: no limit
};

/// What keeps strangers from using up the server.
struct LimitsConfiguration {
  HttpServerOptions http;  // only its limits are read
  std::uint64_t max_manifest_bytes = max_value_size;
  std::uint64_t max_blob_bytes = std::uint64_t{1} << 40U;
};

struct BuildsConfiguration {
  std::vector<std::string> git_protocols{"https", "ssh"};
  std::chrono::seconds timeout{3600};
  /// How long a layer stays in the cache of its repository; nullopt: there is no cache.
  std::optional<std::chrono::milliseconds> layer_cache = std::chrono::days(7);
  DeliveryLimits deliveries;
  BuildRetention retention;
  std::optional<std::chrono::milliseconds> queue_timeout = std::chrono::hours(24);  // nullopt: off
  std::chrono::milliseconds start_timeout = std::chrono::minutes(2);
  std::chrono::milliseconds silence_timeout = std::chrono::minutes(1);
  std::optional<std::chrono::milliseconds> idle_log_timeout;  // nullopt: off
  SchedulingRules rules;
  std::map<std::string, std::vector<RegistryLoginConfiguration>, std::less<>> registries;  // by tenant
  std::vector<LocalBackendConfiguration> backends{LocalBackendConfiguration{}};
};

/// The slow scrub in the background.
struct ScrubConfiguration {
  std::chrono::milliseconds interval{std::chrono::hours(24 * 7)};      // from the end of the last
  std::uint64_t bytes_per_second = std::uint64_t{10} * 1024 * 1024;  // 0: there is none
};

struct GarbageCollectionConfiguration {
  std::optional<std::chrono::milliseconds> interval = std::chrono::hours(1);  // nullopt: off
  LeaseTerms lease;
  unsigned load = 20;  // percent, as GarbageCollectorOptions::load
};

struct RegistryConfiguration {
  bool sparse_images = false;  // RegistryOptions::sparse_images
  std::chrono::milliseconds upload_lifetime = std::chrono::days(7);
  GarbageCollectionConfiguration gc;
  std::vector<RetentionRule> retention;
  ScrubConfiguration scrub;
};

/// What people may have the server send to others: commit statuses and notifications.
struct OutgoingConfiguration {
  DestinationRules destinations;
  std::chrono::milliseconds kept = std::chrono::days(7);  // notifications that were sent
};

struct Configuration {
  ListenAddress listen;
  std::string url;  // empty: http(s)://<host>:<port> as bound
  std::filesystem::path data = "./slipway-data";
  AnonymousAccess anonymous = AnonymousAccess::none;
  std::chrono::seconds bearer_lifetime = usual_bearer_lifetime;
  std::optional<TlsServerOptions> tls;
  StoreOptions storage;
  RegistryConfiguration registry;
  LimitsConfiguration limits;
  BuildsConfiguration builds;
  OutgoingConfiguration outgoing;
  std::chrono::milliseconds shutdown_grace{30'000};
};

/// `name` stands before the line in messages. Errors: invalid_argument, too_large.
Result<Configuration> parse_configuration(std::string_view text, std::string_view name);

/// Errors: as parse_configuration; not_found, io.
Result<Configuration> read_configuration(const std::filesystem::path& file);

}  // namespace slipway
