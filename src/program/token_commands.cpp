#include <slipway/auth/identity.hpp>
#include <slipway/core/quantity.hpp>
#include <slipway/support/clock.hpp>

#include <array>

#include "json/value.hpp"
#include "json/writer.hpp"
#include "program/api_client.hpp"
#include "program/table.hpp"

namespace slipway {
namespace {

constexpr std::string_view tokens_path = "/api/v1/admin/tokens";

constexpr std::array all_actions{Action::pull, Action::push, Action::delete_, Action::build,
                                 Action::admin};

struct CreateOptions {
  ClientOptions client;
  std::string name;
  std::vector<std::string> grants;  // PATTERN=ACTION,ACTION
  std::optional<std::chrono::milliseconds> expires;
};

struct ListOptions {
  ClientOptions client;
};

struct RevokeOptions {
  ClientOptions client;
  std::string id;
};

/// "app/**=pull,push" as a JSON object. False: it is none.
bool write_grant(json::Writer& json, std::string_view text) {
  const std::size_t mark = text.find('=');
  if (mark == std::string_view::npos || mark == 0) return false;
  json.begin_object().member("repositories", text.substr(0, mark)).key("actions").begin_array();
  std::string_view rest = text.substr(mark + 1);
  while (true) {
    const std::size_t comma = rest.find(',');
    const std::string_view word = rest.substr(0, comma);
    bool known = false;
    for (const Action action : all_actions) known = known || to_string(action) == word;
    if (!known) return false;
    json.string(word);
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  json.end_array().end_object();
  return true;
}

ExitStatus create(const CreateOptions& options) {
  json::Writer json;
  json.begin_object().member("name", options.name).key("grants").begin_array();
  for (const std::string& grant : options.grants)
    if (!write_grant(json, grant))
      return report_wrong_usage(
          slipway::format("--grant: expected PATTERN=ACTIONS with actions of pull, push, delete, "
                          "build and admin, such as app/**=pull,push, got \"{}\"",
                          grant));
  json.end_array();
  if (options.expires)
    json.member("expires", to_rfc3339(Clock::system().now() + *options.expires));
  json.end_object();
  return with_client(options.client, [&](const ApiClient& client) -> Result<ExitStatus> {
    SLIPWAY_TRY(const std::string answer, client.post(tokens_path, json.str()));
    if (options.client.json) {
      print(answer + "\n");
      return ExitStatus::done;
    }
    SLIPWAY_TRY(const json::Document document, json::Document::parse(answer));
    print(slipway::format("token  {}\nsecret {}\nThe secret is not shown again.\n",
                          on_one_line(document.root().find("id").text()),
                          on_one_line(document.root().find("secret").text())));
    return ExitStatus::done;
  });
}

std::string grants_text(json::Value grants) {
  std::string text;
  for (const json::Value grant : grants.elements()) {
    text.append(text.empty() ? "" : " ").append(grant.find("repositories").text()).append("=");
    bool first = true;
    for (const json::Value action : grant.find("actions").elements()) {
      text.append(first ? "" : ",").append(action.text());
      first = false;
    }
  }
  return text;
}

ExitStatus list(const ListOptions& options) {
  return with_client(options.client, [&](const ApiClient& client) -> Result<ExitStatus> {
    SLIPWAY_TRY(const std::string answer, client.get(tokens_path));
    if (options.client.json) {
      print(answer + "\n");
      return ExitStatus::done;
    }
    SLIPWAY_TRY(const json::Document document, json::Document::parse(answer));
    Table table{"ID", "NAME", "GRANTS", "CREATED", "EXPIRES"};
    for (const json::Value token : document.root().find("tokens").elements())
      table.add({std::string(token.find("id").text()), std::string(token.find("name").text()),
                 grants_text(token.find("grants")), std::string(token.find("created").text()),
                 std::string(token.find("expires").text())});
    print(table.text());
    return ExitStatus::done;
  });
}

ExitStatus revoke(const RevokeOptions& options) {
  return with_client(options.client, [&](const ApiClient& client) -> Result<ExitStatus> {
    SLIPWAY_CHECK(client.remove(slipway::format("{}/{}", tokens_path, path_part(options.id))));
    if (!options.client.json) print(slipway::format("token {} revoked\n", options.id));
    return ExitStatus::done;
  });
}

}  // namespace

void add_token_commands(CLI::App& parent, Command& command) {
  CLI::App& group = *parent.add_subcommand("token", "Who may do what");
  group.require_subcommand(1);
  {
    const auto [app, options] =
        add_command(group, "create", "Make a token; its secret is shown once", command, create);
    app->add_option("NAME", options->name, "What people call it")->required();
    app->add_option("--grant", options->grants,
                    "Actions of pull, push, delete, build, admin on repositories; repeatable")
        ->type_name("PATTERN=ACTIONS")
        ->required()
        ->allow_extra_args(false);
    add_parsed(*app, "--expires", {"DURATION", "a duration such as 12h or 30d"}, parse_duration,
               options->expires, "How long it is good for (default: until it is revoked)");
    add_client_options(*app, options->client);
  }
  {
    const auto [app, options] = add_command(group, "list", "All tokens", command, list);
    add_client_options(*app, options->client);
  }
  {
    const auto [app, options] =
        add_command(group, "revoke", "End a token's use", command, revoke);
    app->add_option("ID", options->id, "The token")->required();
    add_client_options(*app, options->client);
  }
}

}  // namespace slipway
