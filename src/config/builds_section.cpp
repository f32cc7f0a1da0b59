#include "config/builds_section.hpp"

#include <utility>

#include <slipway/core/quantity.hpp>

#include "support/format.hpp"

namespace slipway {
namespace {

using yaml::Node;

Section::Read text_list(std::string_view expected, std::vector<std::string>& out) {
  return [expected, &out](const Node& node, const ConfigPlace& place) {
    out.clear();
    return read_items(node, place, [&](const Node& item, const ConfigPlace& item_place) {
      return read_text_item(item, item_place, expected, out);
    });
  };
}

void read_timeout_or_off(Section& section, std::string_view key,
                         std::optional<std::chrono::milliseconds>& out) {
  using Timeout = std::optional<std::chrono::milliseconds>;
  section.read_parsed<Timeout>(
      key, "a duration above 0 such as 30s or 24h, or off",
      [](std::string_view text) -> std::optional<Timeout> {
        if (text == "off") return Timeout();
        const auto duration = parse_duration(text);
        return duration && duration->count() > 0 ? std::optional<Timeout>(duration) : std::nullopt;
      },
      out);
}

Result<void> read_registry_login(const Node& node, const ConfigPlace& place,
                                 std::vector<RegistryLoginConfiguration>& out) {
  RegistryLoginConfiguration login;
  std::string password_file;
  Section section(node, place);
  section.read("host", login.host);
  section.read("username", login.username);
  section.read("password_file", password_file);
  SLIPWAY_CHECK(section.finish());
  if (login.host.empty() || login.host.find('/') != login.host.npos)
    return config_mistake(place.member("host"), node, "a registry's HOST or HOST:PORT");
  if (password_file.empty())
    return config_mistake(place.member("password_file"), node, "the path of a file");
  login.password_file = password_file;
  out.push_back(std::move(login));
  return {};
}

Result<void> read_tenants(const Node& node, const ConfigPlace& place, BuildsConfiguration& out) {
  SchedulingRules& rules = out.rules;
  if (node.kind != Node::Kind::mapping) return config_mistake(place, node, "a mapping of tenants");
  for (const auto& [name, value] : node.members) {
    TenantLimits limits;
    unsigned weight = 1;
    unsigned max_running = 0;
    Section section(value, place.member(name.scalar));
    section.read_count("weight", weight);
    section.read_count("max_running", max_running);
    section.read("registries", [&](const Node& list, const ConfigPlace& list_place) {
      auto& logins = out.registries[name.scalar];
      return read_items(list, list_place, [&](const Node& item, const ConfigPlace& item_place) {
        return read_registry_login(item, item_place, logins);
      });
    });
    SLIPWAY_CHECK(section.finish());
    limits.weight = weight;
    if (max_running > 0) limits.max_running = max_running;
    rules.tenants.insert_or_assign(name.scalar, limits);
  }
  return {};
}

Result<void> read_repositories(const Node& node, const ConfigPlace& place, SchedulingRules& rules) {
  return read_items(node, place, [&](const Node& item, const ConfigPlace& item_place) -> Result<void> {
    RepositoryLimits limits;
    unsigned max_running = 0;
    Section section(item, item_place);
    section.read("repository", limits.repository);
    section.read_count("max_running", max_running);
    SLIPWAY_CHECK(section.finish());
    if (max_running > 0) limits.max_running = max_running;
    rules.repositories.push_back(std::move(limits));
    return {};
  });
}

Result<void> expect_word(const Node& node, const ConfigPlace& place, std::string_view word) {
  if (node.kind == Node::Kind::scalar && node.scalar == word) return {};
  return config_mistake(place, node, word);
}

std::optional<std::string> parse_backend_name(std::string_view text) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyz0123456789-";
  if (text.empty() || text.size() > 63 || text.find_first_not_of(allowed) != text.npos)
    return std::nullopt;
  return std::string(text);
}

Result<LocalBackendConfiguration> read_backend(const Node& node, const ConfigPlace& place) {
  LocalBackendConfiguration backend;
  Section section(node, place);
  section.read("type", [](const Node& type, const ConfigPlace& type_place) {
    return expect_word(type, type_place, "local");
  });
  section.read_parsed<std::string>("name", "1 to 63 lower-case letters, digits and dashes",
                                   parse_backend_name, backend.name);
  section.read_count("slots", backend.slots);
  section.read_count_or_none("warm", backend.warm);
  section.read_parsed<bool>(
      "isolation", "auto or off",
      [](std::string_view text) -> std::optional<bool> {
        if (text != "auto" && text != "off") return std::nullopt;
        return text == "auto";
      },
      backend.isolation);
  section.read_count("processes", backend.processes);
  section.read_bytes("memory", backend.memory);
  section.read_bytes("disk", backend.disk);
  section.read("builder", [](const Node& builder, const ConfigPlace& builder_place) {
    return expect_word(builder, builder_place, "buildah");
  });
  SLIPWAY_CHECK(section.finish());
  if (node.find("type") == nullptr)
    return config_mistake(place.member("type"), node, "local");
  return backend;
}

Result<void> read_backends(const Node& node, const ConfigPlace& place,
                           std::vector<LocalBackendConfiguration>& out) {
  out.clear();
  return read_items(node, place, [&](const Node& item, const ConfigPlace& item_place) -> Result<void> {
    SLIPWAY_TRY(LocalBackendConfiguration backend, read_backend(item, item_place));
    for (const LocalBackendConfiguration& other : out)
      if (other.name == backend.name)
        return config_mistake(item_place.member("name"), item,
                              slipway::format("a name of its own, \"{}\" is taken", backend.name));
    out.push_back(std::move(backend));
    return {};
  });
}

Result<void> read_routes(const Node& node, const ConfigPlace& place, BuildsConfiguration& builds) {
  return read_items(node, place, [&](const Node& item, const ConfigPlace& item_place) -> Result<void> {
    BackendRoute route;
    Section section(item, item_place);
    section.read("repository", route.repository);
    section.read("backends", text_list("a backend's name", route.backends));
    SLIPWAY_CHECK(section.finish());
    for (const std::string& name : route.backends) {
      bool known = false;
      for (const LocalBackendConfiguration& backend : builds.backends)
        known = known || backend.name == name;
      if (!known)
        return config_mistake(
            item_place.member("backends"), item,
            slipway::format("names of builds.backends, \"{}\" is none", name));
    }
    if (route.backends.empty())
      return config_mistake(item_place.member("backends"), item, "at least one backend's name");
    builds.rules.routes.push_back(std::move(route));
    return {};
  });
}

Result<void> read_deliveries(const Node& node, const ConfigPlace& place, DeliveryLimits& out) {
  unsigned most = static_cast<unsigned>(out.most);
  Section section(node, place);
  section.read("kept", out.kept);
  section.read_count("most", most);
  SLIPWAY_CHECK(section.finish());
  out.most = most;
  return {};
}

Result<void> read_build_retention(const Node& node, const ConfigPlace& place,
                                  BuildRetention& out) {
  Section section(node, place);
  section.read_timeout("builds", out.builds);
  section.read_timeout("logs", out.logs);
  section.read_timeout("contexts", out.contexts);
  return section.finish();
}

}  // namespace

Result<void> read_builds(const Node& node, const ConfigPlace& place, BuildsConfiguration& out) {
  Section section(node, place);
  section.read("git_protocols", text_list("a protocol such as https or ssh", out.git_protocols));
  section.read_seconds("timeout", out.timeout);
  using Lifetime = std::optional<std::chrono::milliseconds>;
  section.read_parsed<Lifetime>(
      "layer_cache", "a duration of 1s or more such as 7d, or off",
      [](std::string_view text) -> std::optional<Lifetime> {
        if (text == "off") return Lifetime();
        const auto lifetime = parse_duration(text);
        return lifetime && *lifetime >= std::chrono::seconds(1) ? std::optional<Lifetime>(lifetime)
                                                                : std::nullopt;
      },
      out.layer_cache);
  section.read("deliveries", [&](const Node& deliveries, const ConfigPlace& deliveries_place) {
    return read_deliveries(deliveries, deliveries_place, out.deliveries);
  });
  section.read("retention", [&](const Node& retention, const ConfigPlace& retention_place) {
    return read_build_retention(retention, retention_place, out.retention);
  });
  read_timeout_or_off(section, "queue_timeout", out.queue_timeout);
  section.read_timeout("start_timeout", out.start_timeout);
  section.read_parsed<std::chrono::milliseconds>(
      "silence_timeout", "a duration of 1s or more such as 1m",
      [](std::string_view text) -> std::optional<std::chrono::milliseconds> {
        const auto duration = parse_duration(text);
        return duration && *duration >= std::chrono::seconds(1) ? duration : std::nullopt;
      },
      out.silence_timeout);
  read_timeout_or_off(section, "idle_log_timeout", out.idle_log_timeout);
  section.read("tenants", [&](const Node& tenants, const ConfigPlace& tenants_place) {
    return read_tenants(tenants, tenants_place, out);
  });
  section.read("repositories", [&](const Node& repositories, const ConfigPlace& repositories_place) {
    return read_repositories(repositories, repositories_place, out.rules);
  });
  section.read("backends", [&](const Node& backends, const ConfigPlace& backends_place) {
    return read_backends(backends, backends_place, out.backends);
  });
  section.read("routes", [&](const Node& routes, const ConfigPlace& routes_place) {
    return read_routes(routes, routes_place, out);
  });
  return section.finish();
}

}  // namespace slipway
