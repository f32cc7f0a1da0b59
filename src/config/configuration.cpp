#include "config/configuration.hpp"

#include <charconv>
#include <fstream>

#include <slipway/core/quantity.hpp>

#include "config/builds_section.hpp"
#include "config/registry_section.hpp"
#include "config/section.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

using yaml::Node;

void read_path(Section& section, std::string_view key, std::filesystem::path& out) {
  std::string text = out.string();
  section.read(key, text);
  out = text;
}

Result<void> read_tls(const Node& node, const ConfigPlace& place,
                      std::optional<TlsServerOptions>& out) {
  TlsServerOptions tls;
  Section section(node, place);
  read_path(section, "certificate", tls.certificate);
  read_path(section, "key", tls.key);
  read_path(section, "client_ca", tls.client_ca);
  SLIPWAY_CHECK(section.finish());
  if (tls.certificate.empty() || tls.key.empty())
    return config_mistake(place, node, "certificate and key, both paths of PEM files");
  out = std::move(tls);
  return {};
}

Result<void> read_storage(const Node& node, const ConfigPlace& place, StoreOptions& out) {
  Section section(node, place);
  section.read("metadata", [&](const Node& metadata, const ConfigPlace& metadata_place) {
    Section kinds(metadata, metadata_place);
    kinds.read("lmdb", [&](const Node& lmdb, const ConfigPlace& lmdb_place) {
      Section options(lmdb, lmdb_place);
      options.read_bytes("map_size", out.lmdb_map_size);
      return options.finish();
    });
    return kinds.finish();
  });
  section.read("blobs", [&](const Node& blobs, const ConfigPlace& blobs_place) {
    Section kinds(blobs, blobs_place);
    kinds.read("local", [&](const Node& local, const ConfigPlace& local_place) {
      return Section(local, local_place).finish();
    });
    return kinds.finish();
  });
  return section.finish();
}

Result<void> read_secrets(const Node& node, const ConfigPlace& place, SecretOptions& out) {
  Section section(node, place);
  read_path(section, "key_file", out.key_file);
  section.read("previous_key_files", [&](const Node& files, const ConfigPlace& files_place) {
    return read_items(files, files_place, [&](const Node& item, const ConfigPlace& item_place) -> Result<void> {
      std::vector<std::string> paths;
      SLIPWAY_CHECK(read_text_item(item, item_place, "a path of a key file", paths));
      out.previous_key_files.emplace_back(paths.front());
      return {};
    });
  });
  return section.finish();
}

Result<void> read_tokens(const Node& node, const ConfigPlace& place, std::chrono::seconds& out) {
  Section section(node, place);
  section.read_parsed<std::chrono::seconds>(
      "bearer_lifetime", "a duration of 60s to 1h",
      [](std::string_view text) -> std::optional<std::chrono::seconds> {
        const auto lifetime = parse_duration(text);
        if (!lifetime || *lifetime < shortest_bearer_lifetime || *lifetime > std::chrono::hours(1))
          return std::nullopt;
        return std::chrono::duration_cast<std::chrono::seconds>(*lifetime);
      },
      out);
  return section.finish();
}

/// A size that is at least `least` and at most `most`.
void read_size(Section& section, std::string_view key, std::uint64_t least, std::uint64_t most,
               std::string_view expected, std::uint64_t& out) {
  section.read_parsed<std::uint64_t>(
      key, expected,
      [least, most](std::string_view text) -> std::optional<std::uint64_t> {
        const auto size = parse_byte_size(text);
        return size && *size >= least && *size <= most ? size : std::nullopt;
      },
      out);
}

Result<void> read_limits(const Node& node, const ConfigPlace& place, LimitsConfiguration& out) {
  constexpr std::uint64_t kib = 1024;
  auto connections = static_cast<unsigned>(out.http.max_connections);
  auto per_client = static_cast<unsigned>(out.http.max_connections_per_client);
  std::uint64_t head = out.http.max_head_bytes;
  std::uint64_t body_memory = out.http.max_body_memory;
  Section section(node, place);
  section.read_count("max_connections", connections);
  section.read_count("max_connections_per_client", per_client);
  read_size(section, "max_head_bytes", kib, 256 * kib, "a size from 1KiB to 256KiB", head);
  read_size(section, "max_body_memory", 1024 * kib, UINT64_MAX, "a size of at least 1MiB",
            body_memory);
  read_size(section, "max_manifest_bytes", kib, max_value_size, "a size from 1KiB to 4MiB",
            out.max_manifest_bytes);
  read_size(section, "max_blob_bytes", kib, UINT64_MAX, "a size of at least 1KiB",
            out.max_blob_bytes);
  section.read_timeout("head_timeout", out.http.head_timeout);
  section.read_timeout("idle_timeout", out.http.idle_timeout);
  section.read_timeout("stall_timeout", out.http.stall_timeout);
  section.read_timeout("stream_keep_alive", out.http.stream_keep_alive);
  section.read_bytes("min_bytes_per_second", out.http.min_bytes_per_second);
  SLIPWAY_CHECK(section.finish());
  out.http.max_connections = connections;
  out.http.max_connections_per_client = per_client;
  out.http.max_head_bytes = static_cast<std::size_t>(head);
  out.http.max_body_memory = static_cast<std::size_t>(body_memory);
  return {};
}

Result<void> read_outgoing(const Node& node, const ConfigPlace& place, OutgoingConfiguration& out) {
  Section section(node, place);
  section.read("allowed", [&](const Node& places, const ConfigPlace& places_place) {
    return read_items(places, places_place, [&](const Node& item, const ConfigPlace& item_place) -> Result<void> {
      if (item.kind == Node::Kind::scalar && out.destinations.allow(item.scalar)) return {};
      return config_mistake(item_place, item,
                            "a host, an address or a network such as 10.0.0.0/8");
    });
  });
  section.read_timeout("kept", out.kept);
  return section.finish();
}

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && colon > 0) {
    std::string_view host = text.substr(0, colon);
    const std::string_view port_text = text.substr(colon + 1);
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed) host = host.substr(1, host.size() - 2);
    ListenAddress address;
    const char* end = port_text.data() + port_text.size();
    const auto [stop, error] = std::from_chars(port_text.data(), end, address.port);
    const bool one_host = bracketed || host.find(':') == std::string_view::npos;
    if (error == std::errc() && stop == end && !host.empty() && one_host) {
      address.host = std::string(host);
      return address;
    }
  }
  return Error(ErrorCode::invalid_argument,
               slipway::format("expected HOST:PORT such as 127.0.0.1:5000 or [::1]:0, got \"{}\"",
                               text));
}

std::optional<std::string> parse_server_url(std::string_view text) {
  if (text.ends_with('/')) text.remove_suffix(1);
  std::string_view rest = text;
  if (rest.starts_with("http://"))
    rest.remove_prefix(7);
  else if (rest.starts_with("https://"))
    rest.remove_prefix(8);
  else
    return std::nullopt;
  constexpr std::string_view allowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]";
  if (rest.empty() || rest.front() == ':' || rest.find_first_not_of(allowed) != rest.npos)
    return std::nullopt;
  return std::string(text);
}

Result<Configuration> parse_configuration(std::string_view text, std::string_view name) {
  SLIPWAY_TRY(const Node root, yaml::parse(text, name));
  Configuration configuration;
  Section section(root, ConfigPlace{name, ""});
  section.read_parsed<ListenAddress>(
      "listen", "HOST:PORT such as 127.0.0.1:5000",
      [](std::string_view value) -> std::optional<ListenAddress> {
        auto address = parse_listen_address(value);
        if (!address) return std::nullopt;
        return *address;
      },
      configuration.listen);
  section.read_parsed<std::string>("url", expected_server_url, parse_server_url,
                                   configuration.url);
  read_path(section, "data", configuration.data);
  section.read_parsed<AnonymousAccess>("anonymous", "none, pull or push", parse_anonymous_access,
                                       configuration.anonymous);
  section.read("tls", [&](const Node& node, const ConfigPlace& place) {
    return read_tls(node, place, configuration.tls);
  });
  section.read("storage", [&](const Node& node, const ConfigPlace& place) {
    return read_storage(node, place, configuration.storage);
  });
  section.read("tokens", [&](const Node& tokens, const ConfigPlace& tokens_place) {
    return read_tokens(tokens, tokens_place, configuration.bearer_lifetime);
  });
  section.read("secrets", [&](const Node& secrets, const ConfigPlace& secrets_place) {
    return read_secrets(secrets, secrets_place, configuration.storage.secrets);
  });
  section.read("registry", [&](const Node& node, const ConfigPlace& place) {
    return read_registry(node, place, configuration.registry);
  });
  section.read("limits", [&](const Node& node, const ConfigPlace& place) {
    return read_limits(node, place, configuration.limits);
  });
  section.read("builds", [&](const Node& node, const ConfigPlace& place) {
    return read_builds(node, place, configuration.builds);
  });
  section.read("outgoing", [&](const Node& node, const ConfigPlace& place) {
    return read_outgoing(node, place, configuration.outgoing);
  });
  section.read("shutdown_grace", configuration.shutdown_grace);
  SLIPWAY_CHECK(section.finish());
  return configuration;
}

Result<Configuration> read_configuration(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream)
    return Error(ErrorCode::not_found,
                 slipway::format("{}: cannot be read; check the path and its permissions",
                                 file.string()));
  std::string text(yaml::max_document_bytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad())
    return Error(ErrorCode::io, slipway::format("{}: reading it failed", file.string()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return parse_configuration(text, file.string());
}

}  // namespace slipway
