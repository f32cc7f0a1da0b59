// A server over a store.
#include <slipway/support/log.hpp>
#include <slipway/support/metrics.hpp>

#include "config/configuration.hpp"
#include "handles.hpp"

namespace {

using namespace slipway;

Result<Configuration> configuration_of(const slipway_server_options& options) {
  Configuration configuration;
  SLIPWAY_TRY(configuration.listen,
              parse_listen_address(options.listen != nullptr ? options.listen : "127.0.0.1:0"));
  LocalBackendConfiguration& backend = configuration.builds.backends.front();
  backend.slots = options.slots;
  if (options.program != nullptr) backend.program = options.program;
  if (options.git_protocols != nullptr) {
    configuration.builds.git_protocols.clear();
    std::string_view rest = options.git_protocols;
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      configuration.builds.git_protocols.emplace_back(rest.substr(0, comma));
      rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    }
  }
  return configuration;
}

}  // namespace

extern "C" {

slipway_error* slipway_server_start(slipway_store* store, const slipway_server_options* options,
                                    slipway_server** out_server) {
  if (out_server != nullptr) *out_server = nullptr;
  return capi::guarded([&]() -> Result<void> {
    SLIPWAY_CHECK(capi::require(store, "store"));
    SLIPWAY_CHECK(capi::require(out_server, "out_server"));
    SLIPWAY_TRY(const slipway_server_options complete,
                capi::complete(options, "slipway_server_options"));
    SLIPWAY_TRY(const Configuration configuration, configuration_of(complete));
    SLIPWAY_TRY(auto server,
                start_server(*store->engine, configuration, Log::none(), Metrics::none()));
    *out_server = new slipway_server{std::move(server)};
    return {};
  });
}

const char* slipway_server_get_url(const slipway_server* server) {
  return server != nullptr ? server->server->url().c_str() : nullptr;
}

void slipway_server_stop(slipway_server* server) {
  if (server == nullptr) return;
  server->server->drain();
  delete server;
}

}  // extern "C"
