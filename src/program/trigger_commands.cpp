#include <fstream>

#include <slipway/build/trigger.hpp>
#include <slipway/core/reference.hpp>

#include "json/value.hpp"
#include "json/writer.hpp"
#include "program/api_client.hpp"
#include "program/table.hpp"

namespace slipway {
namespace {

struct CreateOptions {
  ClientOptions client;
  std::string repository;
  std::optional<GitProvider> provider;
  std::string git;
  std::string branch;
  std::string git_tag;
  std::vector<std::string> paths;
  std::string context;
  std::string file;
  std::vector<std::string> tags;
  bool supersede = false;
  std::string status_token_file;
  std::string status_api;
  std::string status_token;  // what the file has
};

struct ListOptions {
  ClientOptions client;
  std::string repository;
};

struct DeleteOptions {
  ClientOptions client;
  std::string repository;
  std::string id;
};

std::string triggers_path(const std::string& repository) {
  return slipway::format("/api/v1/repositories/{}/triggers", path_part(repository));
}

void write_texts(json::Writer& json, std::string_view name, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  json.key(name).begin_array();
  for (const std::string& text : texts) json.string(text);
  json.end_array();
}

std::string request_of(const CreateOptions& options) {
  json::Writer json;
  json.begin_object().member("provider", to_string(*options.provider));
  json.key("git").begin_object().member("url", options.git).end_object();
  json.member_if("branches", options.branch).member_if("git_tags", options.git_tag);
  write_texts(json, "paths", options.paths);
  json.member_if("context", options.context).member_if("dockerfile", options.file);
  write_texts(json, "tags", options.tags);
  if (options.supersede) json.key("supersede").boolean(true);
  if (!options.status_token.empty())
    json.key("status")
        .begin_object()
        .member("token", options.status_token)
        .member_if("api", options.status_api)
        .end_object();
  json.end_object();
  return json.take();
}

/// The first line. A token on the command line would be for every user of the machine to see.
std::string first_line_of(const std::string& file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  while (line.ends_with('\r') || line.ends_with(' ')) line.pop_back();
  return line;
}

ExitStatus create(const CreateOptions& given) {
  CreateOptions options = given;
  if (const auto name = RepositoryName::parse(options.repository); !name)
    return report_wrong_usage(name.error().message);
  if (!options.status_token_file.empty()) {
    options.status_token = first_line_of(options.status_token_file);
    if (options.status_token.empty())
      return report_wrong_usage(slipway::format(
          "--status-token-file: expected a file whose first line is a token, got \"{}\"",
          options.status_token_file));
  } else if (!options.status_api.empty()) {
    return report_wrong_usage("--status-api: needs --status-token-file");
  }
  return with_client(options.client, [&](const ApiClient& client) -> Result<ExitStatus> {
    SLIPWAY_TRY(const std::string answer,
                client.post(triggers_path(options.repository), request_of(options)));
    if (options.client.json) {
      print(answer + "\n");
      return ExitStatus::done;
    }
    SLIPWAY_TRY(const json::Document document, json::Document::parse(answer));
    const json::Value trigger = document.root();
    print(slipway::format("trigger {}\nhook    {}\nsecret  {}\nThe secret is not shown again.\n",
                          on_one_line(trigger.find("id").text()),
                          on_one_line(trigger.find("hook_url").text()),
                          on_one_line(trigger.find("secret").text())));
    return ExitStatus::done;
  });
}

ExitStatus list(const ListOptions& options) {
  return with_client(options.client, [&](const ApiClient& client) -> Result<ExitStatus> {
    SLIPWAY_TRY(const std::string answer, client.get(triggers_path(options.repository)));
    if (options.client.json) {
      print(answer + "\n");
      return ExitStatus::done;
    }
    SLIPWAY_TRY(const json::Document document, json::Document::parse(answer));
    Table table{"ID", "PROVIDER", "GIT", "BRANCHES", "HOOK", "STATE"};
    for (const json::Value trigger : document.root().find("triggers").elements())
      table.add({std::string(trigger.find("id").text()),
                 std::string(trigger.find("provider").text()),
                 std::string(trigger.find("git").find("url").text()),
                 std::string(trigger.find("branches").text()),
                 std::string(trigger.find("hook_url").text()),
                 trigger.find("paused") ? "paused" : "active"});
    print(table.text());
    return ExitStatus::done;
  });
}

ExitStatus remove(const DeleteOptions& options) {
  return with_client(options.client, [&](const ApiClient& client) -> Result<ExitStatus> {
    SLIPWAY_CHECK(client.remove(triggers_path(options.repository) + "/" + path_part(options.id)));
    if (!options.client.json) print(slipway::format("trigger {} deleted\n", options.id));
    return ExitStatus::done;
  });
}

struct DeliveriesOptions {
  ClientOptions client;
  std::string repository;
  std::string trigger;
  std::string delivery;  // of replay
};

std::string deliveries_path(const DeliveriesOptions& options) {
  return slipway::format("{}/{}/deliveries", triggers_path(options.repository),
                         path_part(options.trigger));
}

/// "build 01J…", "ignored: ping", "400: webhook: ref: …"
std::string result_text(json::Value result) {
  std::string text;
  for (const json::Value build : result.find("builds").elements())
    text.append(text.empty() ? "build " : ", ").append(build.text());
  if (!text.empty()) return text;
  if (const json::Value ignored = result.find("ignored"))
    return slipway::format("ignored: {}", ignored.text());
  return slipway::format("{}: {}", result.find("status").as_int64().value_or(0),
                         result.find("error").find("message").text());
}

ExitStatus deliveries(const DeliveriesOptions& options) {
  return with_client(options.client, [&](const ApiClient& client) -> Result<ExitStatus> {
    SLIPWAY_TRY(const std::string answer, client.get(deliveries_path(options)));
    if (options.client.json) {
      print(answer + "\n");
      return ExitStatus::done;
    }
    SLIPWAY_TRY(const json::Document document, json::Document::parse(answer));
    Table table{"ID", "RECEIVED", "EVENT", "RESULT"};
    for (const json::Value delivery : document.root().find("deliveries").elements())
      table.add({std::string(delivery.find("id").text()),
                 std::string(delivery.find("received").text()),
                 std::string(delivery.find("event").text()),
                 result_text(delivery.find("result"))});
    print(table.text());
    return ExitStatus::done;
  });
}

ExitStatus replay(const DeliveriesOptions& options) {
  return with_client(options.client, [&](const ApiClient& client) -> Result<ExitStatus> {
    SLIPWAY_TRY(const std::string answer,
                client.post(slipway::format("{}/{}/replay", deliveries_path(options),
                                            path_part(options.delivery)),
                            ""));
    if (options.client.json) {
      print(answer + "\n");
      return ExitStatus::done;
    }
    SLIPWAY_TRY(const json::Document document, json::Document::parse(answer));
    for (const json::Value build : document.root().find("builds").elements())
      print(slipway::format("build {}\n", on_one_line(build.find("id").text())));
    if (const json::Value ignored = document.root().find("ignored"))
      print(slipway::format("ignored: {}\n", on_one_line(ignored.text())));
    return ExitStatus::done;
  });
}

ExitStatus resume(const DeliveriesOptions& options) {
  return with_client(options.client, [&](const ApiClient& client) -> Result<ExitStatus> {
    SLIPWAY_TRY(const std::string answer,
                client.post(slipway::format("{}/{}/resume", triggers_path(options.repository),
                                            path_part(options.trigger)),
                            ""));
    print(options.client.json ? answer + "\n"
                              : slipway::format("trigger {} resumed\n", options.trigger));
    return ExitStatus::done;
  });
}

/// A subcommand about one trigger.
std::pair<CLI::App*, std::shared_ptr<DeliveriesOptions>> add_about_trigger(
    CLI::App& group, const std::string& name, const std::string& description, Command& command,
    ExitStatus (*run)(const DeliveriesOptions&)) {
  auto added = add_command(group, name, description, command, run);
  const auto& [app, options] = added;
  app->add_option("REPO", options->repository, "The repository")->required();
  app->add_option("ID", options->trigger, "The trigger")->required();
  add_client_options(*app, options->client);
  return added;
}

void add_delivery_commands(CLI::App& group, Command& command) {
  add_about_trigger(group, "deliveries", "The webhooks that came, with their results", command,
                    deliveries);
  const auto [app, options] = add_about_trigger(
      group, "replay", "Send a webhook that came once more: it builds again", command, replay);
  app->add_option("DELIVERY", options->delivery, "Its id among the deliveries")->required();
  add_about_trigger(group, "resume", "Build again after too many failures in a row", command,
                    resume);
}

}  // namespace

void add_trigger_commands(CLI::App& parent, Command& command) {
  CLI::App& group = *parent.add_subcommand("trigger", "What turns a push into builds");
  group.require_subcommand(1);
  {
    const auto [app, options] =
        add_command(group, "create", "Make a trigger; its secret is shown once", command, create);
    app->add_option("REPO", options->repository, "The repository that gets the images")->required();
    add_parsed(*app, "--provider",
               {"PROVIDER", "github, gitlab, bitbucket, gitea or custom"}, parse_git_provider,
               options->provider, "Who sends the webhooks")
        ->required();
    app->add_option("--git", options->git, "What is cloned")->type_name("URL")->required();
    app->add_option("--branch", options->branch, "Only branches that match whole (default all)")
        ->type_name("REGEX");
    app->add_option("--git-tag", options->git_tag, "Also git tags that match whole (default none)")
        ->type_name("REGEX");
    app->add_option("--path", options->paths, "Only pushes that change one of these; !GLOB does not count; repeatable")
        ->type_name("GLOB")
        ->allow_extra_args(false);
    app->add_option("--context", options->context, "Folder in the source (default .)");
    app->add_option("--file", options->file, "The Dockerfile (default Dockerfile)");
    app->add_option("--tag", options->tags,
                    "Repeatable (default {branch}, {short_sha} and latest)")
        ->type_name("TAG")
        ->allow_extra_args(false);
    app->add_flag("--supersede", options->supersede,
                  "A push cancels the builds of earlier ones to its branch");
    app->add_option("--status-token-file", options->status_token_file,
                    "Tell the provider of its builds' states, with the token in this file")
        ->type_name("FILE");
    app->add_option("--status-api", options->status_api,
                    "Where the provider's API begins (default by --git)")
        ->type_name("URL");
    add_client_options(*app, options->client);
  }
  {
    const auto [app, options] =
        add_command(group, "list", "The triggers of a repository", command, list);
    app->add_option("REPO", options->repository, "The repository")->required();
    add_client_options(*app, options->client);
  }
  {
    const auto [app, options] = add_command(group, "delete", "Remove a trigger", command, remove);
    app->add_option("REPO", options->repository, "The repository")->required();
    app->add_option("ID", options->id, "The trigger")->required();
    add_client_options(*app, options->client);
  }
  add_delivery_commands(group, command);
}

}  // namespace slipway
