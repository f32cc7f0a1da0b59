#include <signal.h>
#include <sys/resource.h>

#include <filesystem>

#include "config/configuration.hpp"
#include "logging/standard_error_log.hpp"
#include "program/command_line.hpp"
#include "program/signals.hpp"
#include "prometheus/prometheus_metrics.hpp"
#include "serve/server.hpp"

namespace slipway {
namespace {

struct ServeOptions {
  std::optional<std::string> config;
  std::optional<std::string> data;
  std::optional<ListenAddress> listen;
  std::optional<std::string> url;
  std::optional<AnonymousAccess> anonymous;
};

Result<Configuration> configure(const ServeOptions& options) {
  Configuration configuration;
  if (options.config) {
    SLIPWAY_TRY(configuration, read_configuration(*options.config));
  }
  if (options.data) configuration.data = *options.data;
  if (options.listen) configuration.listen = *options.listen;
  if (options.url) configuration.url = *options.url;
  if (options.anonymous) configuration.anonymous = *options.anonymous;
  return configuration;
}

/// A connection is a descriptor, and so is each object that is sent.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

ExitStatus serve(const ServeOptions& options) {
  const auto configuration = configure(options);
  if (!configuration) return report_wrong_usage(configuration.error().message);

  const Signals signals;
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // a limit of file sizes is an error of the write, as a full disk is
  raise_descriptor_limit();
  const auto log = make_standard_error_log();
  const auto metrics = make_prometheus_metrics();
  const auto server = start_server(*configuration, *log, *metrics);
  if (!server) return report_failure(server.error());
  print(slipway::format("listening on {}\n", (*server)->url()));

  while (signals.wait() == SIGHUP)
    log->warning("configuration not reloaded: a change takes effect at the next start");
  signals.end_at_once();
  (*server)->drain();
  return ExitStatus::done;
}

}  // namespace

void add_serve_command(CLI::App& parent, Command& command) {
  const auto [app, options] =
      add_command(parent, "serve", "Run the registry and its build system", command, serve);
  app->add_option("--config", options->config, "YAML file; flags win over it")->type_name("FILE");
  app->add_option("--data", options->data, "Data folder (default ./slipway-data)")
      ->type_name("DIR");
  const auto listen = [](std::string_view text) -> std::optional<ListenAddress> {
    auto address = parse_listen_address(text);
    if (!address) return std::nullopt;
    return *address;
  };
  add_parsed(*app, "--listen", {"HOST:PORT", "HOST:PORT such as 127.0.0.1:5000"}, listen,
             options->listen, "Where to listen (default 127.0.0.1:5000); port 0 picks one");
  add_parsed(*app, "--url", {"URL", expected_server_url}, parse_server_url, options->url,
             "How clients and workers reach this server");
  add_parsed(*app, "--anonymous", {"none|pull|push", "none, pull or push"}, parse_anonymous_access,
             options->anonymous, "What everyone may do under /v2/ (default none)");
}

}  // namespace slipway
