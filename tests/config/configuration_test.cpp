#include "config/configuration.hpp"

#include <fstream>
#include <string>

namespace slipway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

Configuration good(std::string_view text) {
  auto configuration = parse_configuration(text, "config.yaml");
  EXPECT_TRUE(configuration.ok()) << (configuration ? "" : configuration.error().message);
  return configuration ? *configuration : Configuration{};
}

/// The message of the mistake, after its code was found to be invalid_argument.
std::string bad(std::string_view text) {
  const auto configuration = parse_configuration(text, "config.yaml");
  if (configuration) return "no mistake was found";
  EXPECT_EQ(configuration.error().code, ErrorCode::invalid_argument);
  return configuration.error().message;
}

TEST(Configuration, EveryKeyHasADefault) {
  const Configuration configuration = good("");
  EXPECT_EQ(configuration.listen.host, "127.0.0.1");
  EXPECT_EQ(configuration.listen.port, 5000);
  EXPECT_EQ(configuration.url, "");
  EXPECT_EQ(configuration.data, "./slipway-data");
  EXPECT_EQ(configuration.anonymous, AnonymousAccess::none);
  EXPECT_FALSE(configuration.tls.has_value());
  EXPECT_EQ(configuration.storage.lmdb_map_size, std::uint64_t{64} << 30U);
  EXPECT_FALSE(configuration.registry.sparse_images);
  EXPECT_EQ(configuration.registry.gc.interval, std::chrono::hours(1));
  EXPECT_EQ(configuration.registry.gc.lease.promised, std::chrono::hours(24));
  EXPECT_EQ(configuration.registry.gc.load, 20U);
  EXPECT_TRUE(configuration.registry.retention.empty());
  EXPECT_EQ(configuration.registry.scrub.interval, std::chrono::hours(24 * 7));
  EXPECT_EQ(configuration.registry.scrub.bytes_per_second, 10'485'760U);
  EXPECT_EQ(configuration.limits.http.max_connections, 0U) << "as many as files can be open";
  EXPECT_EQ(configuration.limits.http.max_connections_per_client, 0U);
  EXPECT_EQ(configuration.limits.http.max_head_bytes, 16384U);
  EXPECT_EQ(configuration.limits.http.max_body_memory, 268435456U);
  EXPECT_EQ(configuration.limits.max_manifest_bytes, 4194304U);
  EXPECT_EQ(configuration.limits.max_blob_bytes, 1099511627776U);
  EXPECT_EQ(configuration.limits.http.head_timeout, std::chrono::seconds(10));
  EXPECT_EQ(configuration.limits.http.idle_timeout, std::chrono::seconds(75));
  EXPECT_EQ(configuration.limits.http.stall_timeout, std::chrono::seconds(30));
  EXPECT_EQ(configuration.limits.http.min_bytes_per_second, 512U);
  EXPECT_EQ(configuration.limits.http.stream_keep_alive, std::chrono::seconds(15));
  EXPECT_THAT(configuration.builds.git_protocols, ElementsAre("https", "ssh"));
  EXPECT_EQ(configuration.builds.timeout, std::chrono::hours(1));
  EXPECT_EQ(configuration.builds.deliveries.kept, std::chrono::days(30));
  EXPECT_EQ(configuration.builds.deliveries.most, 100U);
  EXPECT_EQ(configuration.builds.retention.builds, std::chrono::days(365));
  EXPECT_EQ(configuration.builds.retention.logs, std::chrono::days(90));
  EXPECT_EQ(configuration.builds.retention.contexts, std::chrono::days(7));
  EXPECT_EQ(configuration.builds.queue_timeout, std::chrono::hours(24));
  EXPECT_EQ(configuration.builds.start_timeout, std::chrono::minutes(2));
  EXPECT_EQ(configuration.builds.silence_timeout, std::chrono::minutes(1));
  EXPECT_EQ(configuration.builds.idle_log_timeout, std::nullopt);
  ASSERT_EQ(configuration.builds.backends.size(), 1U);
  EXPECT_EQ(configuration.builds.backends[0].name, "local");
  EXPECT_EQ(configuration.builds.backends[0].slots, 0U);
  EXPECT_TRUE(configuration.builds.rules.routes.empty());
  EXPECT_EQ(configuration.shutdown_grace, std::chrono::seconds(30));
}

constexpr std::string_view full_example = R"(listen: 127.0.0.1:5001
url: https://registry.example.com       # how clients and workers reach this server
data: ./data
anonymous: pull
tls: {certificate: server.pem, key: server.key, client_ca: ca.pem}
storage:
  metadata: {lmdb: {map_size: 1GiB}}
  blobs: {local: {}}
secrets: {key_file: /run/secrets/key, previous_key_files: [old.key, data/secret.key]}
registry:
  sparse_images: true
  upload_lifetime: 2d
  scrub: {interval: 12h, rate: 0B}
  gc: {interval: 10m, lease: 2h, load: 5}
  retention:                            # the first rule that names a tag decides
    - {repositories: "ci/**", tags: [v*, latest]}
    - {tags: ["pr-*"], keep_last: 3, keep_for: 14d, untagged_after: 1d}
limits:
  max_connections: 1000
  max_connections_per_client: 100
  max_head_bytes: 8KiB
  max_body_memory: 64MiB
  max_manifest_bytes: 1MiB
  max_blob_bytes: 2GiB
  head_timeout: 5s
  idle_timeout: 20s
  stall_timeout: 15s
  stream_keep_alive: 25s
  min_bytes_per_second: 4KiB
builds:
  git_protocols: [https, ssh, file]
  timeout: 90m
  deliveries: {kept: 7d, most: 20}
  retention: {builds: 30d, logs: 12h, contexts: 2h}
  queue_timeout: off
  start_timeout: 30s
  silence_timeout: 20s
  idle_log_timeout: 10m
  tenants: {app: {weight: 2, max_running: 20}}
  repositories:                         # first match; each repository has the cap for itself
    - {repository: "app/unbounded"}
    - {repository: "app/*", max_running: 3}
  backends:
    - {name: local, type: local, slots: 2, warm: 1, builder: buildah}
    - {name: second, type: local, slots: 1}
  routes:                               # first match; a list of backends is tried in order
    - {repository: "heavy/*", backends: [second]}
    - {backends: [local, second]}
outgoing: {allowed: [10.0.0.0/8, git.internal.example.com], kept: 2d}
shutdown_grace: 10s
)";

TEST(Configuration, AllKeysAreRead) {
  const Configuration configuration = good(full_example);
  EXPECT_EQ(configuration.listen.port, 5001);
  EXPECT_EQ(configuration.url, "https://registry.example.com");
  EXPECT_EQ(configuration.data, "./data");
  EXPECT_EQ(configuration.anonymous, AnonymousAccess::pull);
  ASSERT_TRUE(configuration.tls.has_value());
  EXPECT_EQ(configuration.tls->certificate, "server.pem");
  EXPECT_EQ(configuration.tls->key, "server.key");
  EXPECT_EQ(configuration.tls->client_ca, "ca.pem");
  EXPECT_EQ(configuration.storage.lmdb_map_size, std::uint64_t{1} << 30U);
  EXPECT_EQ(configuration.storage.secrets.key_file, "/run/secrets/key");
  EXPECT_THAT(configuration.storage.secrets.previous_key_files,
              ElementsAre("old.key", "data/secret.key"));
  EXPECT_TRUE(configuration.registry.sparse_images);
  EXPECT_EQ(configuration.registry.upload_lifetime, std::chrono::days(2));
  EXPECT_EQ(configuration.registry.gc.interval, std::chrono::minutes(10));
  EXPECT_EQ(configuration.registry.gc.lease.promised, std::chrono::hours(2));
  EXPECT_EQ(configuration.registry.gc.load, 5U);
  ASSERT_EQ(configuration.registry.retention.size(), 2U);
  EXPECT_EQ(configuration.registry.retention[0].repositories, "ci/**");
  EXPECT_THAT(configuration.registry.retention[0].tags, ElementsAre("v*", "latest"));
  EXPECT_EQ(configuration.registry.retention[0].keep_last, std::nullopt);
  const RetentionRule& rule = configuration.registry.retention[1];
  EXPECT_EQ(rule.repositories, "**");
  EXPECT_EQ(rule.keep_last, 3U);
  EXPECT_EQ(rule.keep_for, std::chrono::days(14));
  EXPECT_EQ(rule.untagged_after, std::chrono::days(1));
  EXPECT_EQ(configuration.registry.scrub.interval, std::chrono::hours(12));
  EXPECT_EQ(configuration.registry.scrub.bytes_per_second, 0U);
  EXPECT_EQ(configuration.limits.http.max_connections, 1000U);
  EXPECT_EQ(configuration.limits.http.max_connections_per_client, 100U);
  EXPECT_EQ(configuration.limits.http.max_head_bytes, 8192U);
  EXPECT_EQ(configuration.limits.http.max_body_memory, 67108864U);
  EXPECT_EQ(configuration.limits.max_manifest_bytes, 1048576U);
  EXPECT_EQ(configuration.limits.max_blob_bytes, 2147483648U);
  EXPECT_EQ(configuration.limits.http.head_timeout, std::chrono::seconds(5));
  EXPECT_EQ(configuration.limits.http.idle_timeout, std::chrono::seconds(20));
  EXPECT_EQ(configuration.limits.http.stall_timeout, std::chrono::seconds(15));
  EXPECT_EQ(configuration.limits.http.min_bytes_per_second, 4096U);
  EXPECT_EQ(configuration.limits.http.stream_keep_alive, std::chrono::seconds(25));
  EXPECT_THAT(configuration.builds.git_protocols, ElementsAre("https", "ssh", "file"));
  EXPECT_EQ(configuration.builds.timeout, std::chrono::minutes(90));
  EXPECT_EQ(configuration.builds.deliveries.kept, std::chrono::days(7));
  EXPECT_EQ(configuration.builds.deliveries.most, 20U);
  EXPECT_EQ(configuration.builds.retention.builds, std::chrono::days(30));
  EXPECT_EQ(configuration.builds.retention.logs, std::chrono::hours(12));
  EXPECT_EQ(configuration.builds.retention.contexts, std::chrono::hours(2));
  EXPECT_EQ(configuration.builds.queue_timeout, std::nullopt);
  EXPECT_EQ(configuration.builds.start_timeout, std::chrono::seconds(30));
  EXPECT_EQ(configuration.builds.silence_timeout, std::chrono::seconds(20));
  EXPECT_EQ(configuration.builds.idle_log_timeout, std::chrono::minutes(10));
  const TenantLimits& app = configuration.builds.rules.tenants.at("app");
  EXPECT_EQ(app.weight, 2);
  EXPECT_EQ(app.max_running, 20U);
  ASSERT_EQ(configuration.builds.backends.size(), 2U);
  EXPECT_EQ(configuration.builds.backends[0].slots, 2U);
  EXPECT_EQ(configuration.builds.backends[0].warm, 1U);
  EXPECT_EQ(configuration.builds.backends[1].warm, 0U);
  EXPECT_EQ(configuration.builds.backends[1].name, "second");
  const SchedulingRules& rules = configuration.builds.rules;
  EXPECT_EQ(cap_of_repository(rules, "app/unbounded"), std::nullopt);
  EXPECT_EQ(cap_of_repository(rules, "app/web"), 3U);
  EXPECT_EQ(cap_of_repository(rules, "other/web"), std::nullopt);
  ASSERT_EQ(configuration.builds.rules.routes.size(), 2U);
  EXPECT_EQ(configuration.builds.rules.routes[0].repository, "heavy/*");
  EXPECT_THAT(configuration.builds.rules.routes[0].backends, ElementsAre("second"));
  EXPECT_EQ(configuration.builds.rules.routes[1].repository, "**");
  EXPECT_THAT(configuration.builds.rules.routes[1].backends, ElementsAre("local", "second"));
  const DestinationRules& outgoing = configuration.outgoing.destinations;
  EXPECT_TRUE(outgoing.allows("ci.example.com", *IpAddress::parse("10.1.2.3")));
  EXPECT_TRUE(outgoing.allows("git.internal.example.com", *IpAddress::parse("127.0.0.1")));
  EXPECT_FALSE(outgoing.allows("ci.example.com", *IpAddress::parse("127.0.0.1")));
  EXPECT_EQ(configuration.outgoing.kept, std::chrono::days(2));
  EXPECT_EQ(configuration.shutdown_grace, std::chrono::seconds(10));
}

TEST(Configuration, GarbageCollectionCanBeOff) {
  EXPECT_EQ(good("registry: {gc: {interval: off}}").registry.gc.interval, std::nullopt);
}

TEST(Configuration, JsonIsYaml) {
  EXPECT_EQ(good(R"({"anonymous": "push", "builds": {"timeout": "10m"}})").builds.timeout,
            std::chrono::minutes(10));
}

TEST(Configuration, RoutesMayStandBeforeTheBackendsTheyName) {
  const Configuration configuration =
      good("builds:\n  routes: [{backends: [b]}]\n  backends: [{name: b, type: local}]\n");
  EXPECT_THAT(configuration.builds.rules.routes.at(0).backends, ElementsAre("b"));
}

struct Mistake {
  std::string_view name;  // of the test
  std::string_view text;
  std::string_view message;
};

class ConfigurationMistake : public testing::TestWithParam<Mistake> {};

TEST_P(ConfigurationMistake, IsOneLineWithItsPlace) {
  const std::string message = bad(GetParam().text);
  EXPECT_EQ(message, GetParam().message);
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    All, ConfigurationMistake,
    testing::Values(
        Mistake{"slots_of_the_second_backend",
                "listen: 127.0.0.1:5000\n"
                "url: https://registry.example.com\n"
                "data: ./slipway-data\n"
                "anonymous: none\n"
                "storage:\n"
                "  blobs: {local: {}}\n"
                "builds:\n"
                "  timeout: 1h\n"
                "  backends:\n"
                "    - name: local\n"
                "      type: local\n"
                "    - name: more\n"
                "      type: local\n"
                "      slots: ten\n",
                "config.yaml:14: builds.backends[1].slots: expected a whole number above 0, got "
                "\"ten\""},
        Mistake{"outgoing_network", "outgoing:\n  allowed: [10.0.0.0/33]\n",
                "config.yaml:2: outgoing.allowed[0]: expected a host, an address or a network such as "
                "10.0.0.0/8, got \"10.0.0.0/33\""},
        Mistake{"no_slots", "builds:\n  backends:\n    - {name: a, type: local, slots: 0}\n",
                "config.yaml:3: builds.backends[0].slots: expected a whole number above 0, got "
                "\"0\""},
        Mistake{"half_a_slot", "builds: {backends: [{type: local, slots: 1.5}]}",
                "config.yaml:1: builds.backends[0].slots: expected a whole number above 0, got "
                "\"1.5\""},
        Mistake{"too_many_slots", "builds: {backends: [{type: local, slots: 4294967296}]}",
                "config.yaml:1: builds.backends[0].slots: expected a whole number above 0, got "
                "\"4294967296\""},
        Mistake{"not_a_mapping", "- a\n- b\n", "config.yaml:1: expected a mapping, got a list"},
        Mistake{"just_a_text", "listen\n", "config.yaml:1: expected a mapping, got \"listen\""},
        Mistake{"listen_without_a_port", "\nlisten: localhost\n",
                "config.yaml:2: listen: expected HOST:PORT such as 127.0.0.1:5000, got "
                "\"localhost\""},
        Mistake{"listen_beyond_the_last_port", "listen: localhost:65536\n",
                "config.yaml:1: listen: expected HOST:PORT such as 127.0.0.1:5000, got "
                "\"localhost:65536\""},
        Mistake{"listen_is_a_list", "listen: [a, b]\n",
                "config.yaml:1: listen: expected HOST:PORT such as 127.0.0.1:5000, got a list"},
        Mistake{"listen_is_nothing", "listen:\ndata: x\n",
                "config.yaml:1: listen: expected HOST:PORT such as 127.0.0.1:5000, got nothing"},
        Mistake{"anonymous", "data: x\nanonymous: yes\n",
                "config.yaml:2: anonymous: expected none, pull or push, got \"yes\""},
        Mistake{"two_lines", "anonymous: \"a\\nb\"\n",
                "config.yaml:1: anonymous: expected none, pull or push, got \"a?b\""},
        Mistake{"data_is_a_mapping", "data: {a: b}\n",
                "config.yaml:1: data: expected a text, got a mapping"},
        Mistake{"tls_without_a_key", "tls:\n  certificate: a.pem\n",
                "config.yaml:2: tls: expected certificate and key, both paths of PEM files, got a "
                "mapping"},
        Mistake{"tls_is_a_text", "tls: on\n", "config.yaml:1: tls: expected a mapping, got \"on\""},
        Mistake{"map_size_without_a_unit", "storage:\n  metadata:\n    lmdb:\n      map_size: 64\n",
                "config.yaml:4: storage.metadata.lmdb.map_size: expected a size such as 512MiB or "
                "64GiB, got \"64\""},
        Mistake{"scrub_interval", "registry:\n  scrub: {interval: 0s}\n",
                "config.yaml:2: registry.scrub.interval: expected a duration above 0 such as 7d, got "
                "\"0s\""},
        Mistake{"scrub_rate", "registry:\n  scrub: {rate: 10}\n",
                "config.yaml:2: registry.scrub.rate: expected bytes a second such as 10MiB, or 0B for "
                "no scrub, got \"10\""},
        Mistake{"sparse_images_of_another_kind", "registry:\n  sparse_images: some\n",
                "config.yaml:2: registry.sparse_images: expected true or false, got \"some\""},
        Mistake{"gc_lease_of_nothing", "registry:\n  gc: {lease: 0s}\n",
                "config.yaml:2: registry.gc.lease: expected a duration of 1s or more such as 24h, "
                "got \"0s\""},
        Mistake{"gc_interval", "registry:\n  gc:\n    interval: never\n",
                "config.yaml:3: registry.gc.interval: expected a duration of 1s or more such as "
                "1h, or off, got \"never\""},
        Mistake{"gc_load", "registry:\n  gc: {load: 101}\n",
                "config.yaml:2: registry.gc.load: expected a whole number from 1 to 100, got "
                "\"101\""},
        Mistake{"retention_rule_that_says_nothing",
                "registry:\n  retention:\n    - repositories: a\n",
                "config.yaml:3: registry.retention[0]: expected keep_last, keep_for, "
                "untagged_after or tags, got a mapping"},
        Mistake{"retention_for_ever", "registry:\n  retention:\n    - {keep_for: 40000d}\n",
                "config.yaml:3: registry.retention[0].keep_for: expected a duration such as 12h or "
                "30d, at most 36500d, got \"40000d\""},
        Mistake{"previous_key_files_is_a_text", "secrets:\n  previous_key_files: old.key\n",
                "config.yaml:2: secrets.previous_key_files: expected a list, got \"old.key\""},
        Mistake{"no_connections", "limits:\n  max_connections: 0\n",
                "config.yaml:2: limits.max_connections: expected a whole number above 0, got "
                "\"0\""},
        Mistake{"manifests_larger_than_a_value", "limits:\n  max_manifest_bytes: 5MiB\n",
                "config.yaml:2: limits.max_manifest_bytes: expected a size from 1KiB to 4MiB, got "
                "\"5MiB\""},
        Mistake{"no_head", "limits: {max_head_bytes: 0B}\n",
                "config.yaml:1: limits.max_head_bytes: expected a size from 1KiB to 256KiB, got "
                "\"0B\""},
        Mistake{"no_time", "limits:\n  stall_timeout: 0s\n",
                "config.yaml:2: limits.stall_timeout: expected a duration above 0 such as 500ms, "
                "30s or 10m, got \"0s\""},
        Mistake{"rate_without_a_unit", "limits:\n  min_bytes_per_second: 512\n",
                "config.yaml:2: limits.min_bytes_per_second: expected a size such as 512MiB or "
                "64GiB, got \"512\""},
        Mistake{"unknown_limit", "limits:\n  max_conections: 5\n",
                "config.yaml:2: limits.max_conections: unknown key; expected one of head_timeout, "
                "idle_timeout, max_blob_bytes, max_body_memory, max_connections, "
                "max_connections_per_client, max_head_bytes, max_manifest_bytes, "
                "min_bytes_per_second, stall_timeout, stream_keep_alive"},
        Mistake{"storage_of_a_later_version", "storage:\n  blobs: {s3: {bucket: b}}\n",
                "config.yaml:2: storage.blobs.s3: unknown key; expected one of local"},
        Mistake{"timeout_without_a_unit", "builds:\n  timeout: 60\n",
                "config.yaml:2: builds.timeout: expected a duration such as 500ms, 30s, 10m or 1h, "
                "got \"60\""},
        Mistake{"grace", "shutdown_grace: soon\n",
                "config.yaml:1: shutdown_grace: expected a duration such as 500ms, 30s, 10m or 1h, "
                "got \"soon\""},
        Mistake{"git_protocols_is_a_text", "builds:\n  git_protocols: https\n",
                "config.yaml:2: builds.git_protocols: expected a list, got \"https\""},
        Mistake{"git_protocol_is_a_list", "builds:\n  git_protocols:\n    - https\n    - []\n",
                "config.yaml:4: builds.git_protocols[1]: expected a protocol such as https or ssh, "
                "got a list"},
        Mistake{"tenants_is_a_list", "builds:\n  tenants: [app]\n",
                "config.yaml:2: builds.tenants: expected a mapping of tenants, got a list"},
        Mistake{"weight", "builds:\n  tenants:\n    app:\n      weight: heavy\n",
                "config.yaml:4: builds.tenants.app.weight: expected a whole number above 0, got "
                "\"heavy\""},
        Mistake{"unknown_key_of_a_tenant", "builds:\n  tenants:\n    app: {share: 2}\n",
                "config.yaml:3: builds.tenants.app.share: unknown key; expected one of "
                "max_running, registries, weight"},
        Mistake{"backend_without_a_type", "builds:\n  backends:\n    - name: a\n",
                "config.yaml:3: builds.backends[0].type: expected local, got a mapping"},
        Mistake{"backend_of_an_unknown_type",
                "builds:\n  backends:\n    - {name: a, type: kubernetes}\n",
                "config.yaml:3: builds.backends[0].type: expected local, got \"kubernetes\""},
        Mistake{"unknown_builder", "builds:\n  backends:\n    - type: local\n      builder: kaniko\n",
                "config.yaml:4: builds.backends[0].builder: expected buildah, got \"kaniko\""},
        Mistake{"backend_name_taken",
                "builds:\n  backends:\n    - {name: a, type: local}\n    - {name: a, type: local}\n",
                "config.yaml:4: builds.backends[1].name: expected a name of its own, \"a\" is "
                "taken, got a mapping"},
        Mistake{"route_to_nowhere",
                "builds:\n  routes:\n    - {repository: \"**\", backends: [cloud]}\n",
                "config.yaml:3: builds.routes[0].backends: expected names of builds.backends, "
                "\"cloud\" is none, got a mapping"},
        Mistake{"route_without_backends", "builds:\n  routes:\n    - repository: a\n",
                "config.yaml:3: builds.routes[0].backends: expected at least one backend's name, "
                "got a mapping"},
        Mistake{"unknown_key", "listen: 127.0.0.1:1\nlissten: 127.0.0.1:2\n",
                "config.yaml:2: lissten: unknown key; expected one of anonymous, builds, data, "
                "limits, listen, outgoing, registry, secrets, shutdown_grace, storage, tls, tokens, url"},
        Mistake{"unknown_key_below", "builds:\n  timeout: 1h\n  time_out: 1h\n",
                "config.yaml:3: builds.time_out: unknown key; expected one of backends, deliveries, "
                "git_protocols, idle_log_timeout, layer_cache, queue_timeout, repositories, "
                "retention, routes, silence_timeout, start_timeout, tenants, timeout"},
        Mistake{"a_worker_lost_between_two_calls", "builds:\n  silence_timeout: 999ms\n",
                "config.yaml:2: builds.silence_timeout: expected a duration of 1s or more such as "
                "1m, got \"999ms\""},
        Mistake{"a_key_twice", "data: a\nlisten: 127.0.0.1:1\ndata: b\n",
                "config.yaml:3: data: given twice"},
        Mistake{"the_first_of_two_mistakes", "anonymous: all\nlisten: nowhere\n",
                "config.yaml:2: listen: expected HOST:PORT such as 127.0.0.1:5000, got "
                "\"nowhere\""}),
    [](const testing::TestParamInfo<Mistake>& tested) { return std::string(tested.param.name); });

TEST(Configuration, ABackendsNameIsOfTheFewCharactersThatAFolderMayHave) {
  for (const std::string_view name : {"../up", "a/b", "", "A", "a b", ".."}) {
    const std::string text = "builds:\n  backends:\n    - type: local\n      name: \"" +
                             std::string(name) + "\"\n";
    EXPECT_EQ(bad(text), "config.yaml:4: builds.backends[0].name: expected 1 to 63 lower-case "
                         "letters, digits and dashes, got \"" + std::string(name) + "\"");
  }
}

TEST(Configuration, AUrlIsOneThatClientsCanUse) {
  for (const std::string_view url : {"registry.example.com", "ftp://x", "https://", "http://a b",
                                     "https://registry.example.com/path"})
    EXPECT_EQ(bad("url: " + std::string(url) + "\n"),
              "config.yaml:1: url: expected http:// or https:// and a host, such as "
              "https://registry.example.com, got \"" + std::string(url) + "\"");
  EXPECT_EQ(good("url: http://[::1]:5000\n").url, "http://[::1]:5000");
  EXPECT_EQ(good("url: https://registry.example.com/\n").url, "https://registry.example.com");
}

TEST(Configuration, AFileThatCannotBeReadIsNamed) {
  const auto configuration = read_configuration("/nowhere/config.yaml");
  ASSERT_FALSE(configuration.ok());
  EXPECT_EQ(configuration.error().code, ErrorCode::not_found);
  EXPECT_THAT(configuration.error().message, StartsWith("/nowhere/config.yaml: cannot be read"));
}

TEST(Configuration, AFolderIsNoFile) {
  EXPECT_FALSE(read_configuration(testing::TempDir()).ok());
}

TEST(Configuration, AFileWithoutEndIsRefused) {
  const auto configuration = read_configuration("/dev/zero");
  ASSERT_FALSE(configuration.ok());
  EXPECT_EQ(configuration.error().code, ErrorCode::too_large);
}

TEST(Configuration, AFileIsReadAndItsMistakesBearItsName) {
  const std::string path = testing::TempDir() + "slipway_configuration_test.yaml";
  std::ofstream(path) << "anonymous: push\n";
  const auto configuration = read_configuration(path);
  ASSERT_TRUE(configuration.ok());
  EXPECT_EQ(configuration->anonymous, AnonymousAccess::push);
  std::ofstream(path) << "\n\nanonymous: some\n";
  EXPECT_THAT(read_configuration(path).error().message, StartsWith(path + ":3: anonymous: "));
}

TEST(ListenAddress, HostsAndPorts) {
  const auto parsed = [](std::string_view text) {
    const auto address = parse_listen_address(text);
    return address ? address->host + " " + std::to_string(address->port) : "no address";
  };
  EXPECT_EQ(parsed("127.0.0.1:5000"), "127.0.0.1 5000");
  EXPECT_EQ(parsed("[::1]:0"), "::1 0");
  EXPECT_EQ(parsed("localhost:65535"), "localhost 65535");
  for (const std::string_view text : {"", ":", ":5000", "localhost", "localhost:", "a:b", "a:-1",
                                      "a:65536", "::1:5000", "[]:1", "a:1 ", "a: 1"})
    EXPECT_EQ(parsed(text), "no address") << text;
}

}  // namespace
}  // namespace slipway
