#include <unistd.h>

#include <charconv>

#include "build/build_json.hpp"
#include "json/value.hpp"
#include "program/api_client.hpp"
#include "program/build_report.hpp"
#include "program/build_submit.hpp"
#include "program/wait_report.hpp"
#include "program/log_follower.hpp"
#include "program/terminal_text.hpp"

namespace slipway {
namespace {

struct ListOptions {
  ClientOptions client;
  std::string repository;
  std::optional<BuildState> state;
  unsigned limit = 20;
};

struct OneBuildOptions {
  ClientOptions client;
  std::string id;
};

struct LogsOptions {
  ClientOptions client;
  std::string id;
  bool follow = false;
};

Result<std::vector<Build>> read_builds(std::string_view text) {
  SLIPWAY_TRY(const json::Document document, json::Document::parse(text));
  std::vector<Build> builds;
  for (const json::Value value : document.root().find("builds").elements()) {
    SLIPWAY_TRY(Build build, read_build(value));
    builds.push_back(std::move(build));
  }
  return builds;
}

Result<void> list_builds(const ListOptions& options, const ApiClient& client) {
  std::string path = slipway::format("/api/v1/builds?limit={}", options.limit);
  if (!options.repository.empty()) path += "&repository=" + percent_encode(options.repository);
  if (options.state) path += slipway::format("&state={}", to_string(*options.state));
  SLIPWAY_TRY(const std::string json, client.get(path));
  if (options.client.json) {
    print(json + "\n");
    return {};
  }
  SLIPWAY_TRY(const std::vector<Build> builds, read_builds(json));
  print(build_table(builds));
  return {};
}

ExitStatus list(const ListOptions& options) {
  return with_client(options.client, [&](const ApiClient& client) -> Result<ExitStatus> {
    SLIPWAY_CHECK(list_builds(options, client));
    return ExitStatus::done;
  });
}

ExitStatus show(const OneBuildOptions& options) {
  return with_client(options.client, [&](const ApiClient& client) -> Result<ExitStatus> {
    SLIPWAY_TRY(const std::string json, client.get("/api/v1/builds/" + path_part(options.id)));
    if (options.client.json) {
      print(json + "\n");
      return ExitStatus::done;
    }
    SLIPWAY_TRY(const json::Document document, json::Document::parse(json));
    SLIPWAY_TRY(const Build build, read_build(document.root()));
    print(build_details(build, document.root().find("queue").find("why").text()));
    return ExitStatus::done;
  });
}

ExitStatus explain(const OneBuildOptions& options) {
  return with_client(options.client, [&](const ApiClient& client) -> Result<ExitStatus> {
    SLIPWAY_TRY(
        const std::string json,
        client.get(slipway::format("/api/v1/builds/{}/explain", path_part(options.id))));
    if (options.client.json) {
      print(json + "\n");
      return ExitStatus::done;
    }
    SLIPWAY_TRY(const json::Document document, json::Document::parse(json));
    print(wait_report(document.root()));
    return ExitStatus::done;
  });
}

ExitStatus logs(const LogsOptions& options) {
  return with_client(options.client, [&](const ApiClient& client) -> Result<ExitStatus> {
    TerminalText text(::isatty(STDOUT_FILENO) == 1);
    const auto show = [&](std::string_view bytes) { print(text.pass(bytes)); };
    if (!options.follow) {
      const auto read = read_log(client, options.id, show);
      print(text.finish());
      SLIPWAY_CHECK(read);
      return ExitStatus::done;
    }
    const auto build_followed = follow_build(client, options.id, show);
    print(text.finish());
    SLIPWAY_TRY(const Build build, build_followed);
    if (!options.client.json) print(build_outcome(build, client.url()));
    return build.state == BuildState::succeeded ? ExitStatus::done : ExitStatus::failed;
  });
}

std::optional<unsigned> parse_limit(std::string_view text) {
  unsigned value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value < 1 || value > 1000) return std::nullopt;
  return value;
}

/// POST builds/{id}/<verb>, which answers the build that there is then.
ExitStatus change(const OneBuildOptions& options, std::string_view verb) {
  return with_client(options.client, [&](const ApiClient& client) -> Result<ExitStatus> {
    SLIPWAY_TRY(const std::string json,
                client.post(slipway::format("/api/v1/builds/{}/{}", path_part(options.id), verb),
                            ""));
    SLIPWAY_TRY(const Build build, parse_build(json));
    print(options.client.json
              ? json + "\n"
              : slipway::format("build {} {}\n", build.id, to_string(build.state)));
    return ExitStatus::done;
  });
}

ExitStatus cancel(const OneBuildOptions& options) { return change(options, "cancel"); }
ExitStatus retry(const OneBuildOptions& options) { return change(options, "retry"); }

void add_one_build_command(CLI::App& group, const std::string& name, const std::string& description,
                           Command& command, ExitStatus (*run)(const OneBuildOptions&)) {
  const auto [app, options] = add_command(group, name, description, command, run);
  app->add_option("ID", options->id, "The build")->required();
  add_client_options(*app, options->client);
}

}  // namespace

void add_build_commands(CLI::App& parent, Command& command) {
  CLI::App& group = *parent.add_subcommand("build", "Submit builds and see what becomes of them");
  group.require_subcommand(1);
  add_build_submit_command(group, command);
  {
    const auto [app, options] =
        add_command(group, "list", "The latest builds, newest first", command, list);
    app->add_option("REPO", options->repository, "Only those of this repository");
    add_parsed(*app, "--state", {"STATE", "a build's state such as queued or failed"},
               parse_build_state, options->state, "Only those in this state");
    add_parsed(*app, "--limit", {"N", "a whole number from 1 to 1000"}, parse_limit, options->limit,
               "At most so many (default 20)");
    add_client_options(*app, options->client);
  }
  add_one_build_command(group, "show", "All that is known of a build", command, show);
  {
    const auto [app, options] = add_command(group, "logs", "A build's log", command, logs);
    app->add_option("ID", options->id, "The build")->required();
    app->add_flag("--follow", options->follow,
                  "Go on until the build ends; exit status 1 when it did not succeed");
    add_client_options(*app, options->client);
  }
  add_one_build_command(group, "explain", "Why a build waits, and when it may start", command,
                        explain);
  add_one_build_command(group, "cancel", "End a build", command, cancel);
  add_one_build_command(group, "retry", "A new build of the same request", command, retry);
}

}  // namespace slipway
