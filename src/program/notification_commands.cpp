#include <slipway/notify/notification.hpp>

#include "json/value.hpp"
#include "json/writer.hpp"
#include "program/api_client.hpp"
#include "program/table.hpp"

namespace slipway {
namespace {

constexpr std::string_view notifications_path = "/api/v1/admin/notifications";

struct CreateOptions {
  ClientOptions client;
  std::string url;
  std::string repositories;
  std::vector<std::string> events;
};

struct ListOptions {
  ClientOptions client;
};

struct NotificationOptions {
  ClientOptions client;
  std::string id;
  std::string delivery;  // of redeliver
};

std::string path_of(const NotificationOptions& options) {
  return slipway::format("{}/{}", notifications_path, path_part(options.id));
}

ExitStatus create(const CreateOptions& options) {
  json::Writer json;
  json.begin_object().member("url", options.url);
  json.member_if("repositories", options.repositories);
  if (!options.events.empty()) json.key("events").begin_array();
  for (const std::string& event : options.events) {
    if (!parse_notification_event(event) || event == "ping")
      return report_wrong_usage(
          slipway::format("--event: expected build.queued, build.started, build.finished, "
                          "tag.pushed or tag.deleted, got \"{}\"",
                          event));
    json.string(event);
  }
  if (!options.events.empty()) json.end_array();
  json.end_object();
  return with_client(options.client, [&](const ApiClient& client) -> Result<ExitStatus> {
    SLIPWAY_TRY(const std::string answer, client.post(notifications_path, json.str()));
    if (options.client.json) {
      print(answer + "\n");
      return ExitStatus::done;
    }
    SLIPWAY_TRY(const json::Document document, json::Document::parse(answer));
    print(slipway::format("notification {}\nsecret       {}\nThe secret is not shown again.\n",
                          on_one_line(document.root().find("id").text()),
                          on_one_line(document.root().find("secret").text())));
    return ExitStatus::done;
  });
}

std::string joined(json::Value texts) {
  std::string all;
  for (const json::Value text : texts.elements())
    all.append(all.empty() ? "" : ",").append(text.text());
  return all;
}

ExitStatus list(const ListOptions& options) {
  return with_client(options.client, [&](const ApiClient& client) -> Result<ExitStatus> {
    SLIPWAY_TRY(const std::string answer, client.get(notifications_path));
    if (options.client.json) {
      print(answer + "\n");
      return ExitStatus::done;
    }
    SLIPWAY_TRY(const json::Document document, json::Document::parse(answer));
    Table table{"ID", "URL", "REPOSITORIES", "EVENTS"};
    for (const json::Value notification : document.root().find("notifications").elements())
      table.add({std::string(notification.find("id").text()),
                 std::string(notification.find("url").text()),
                 std::string(notification.find("repositories").text()),
                 joined(notification.find("events"))});
    print(table.text());
    return ExitStatus::done;
  });
}

ExitStatus remove(const NotificationOptions& options) {
  return with_client(options.client, [&](const ApiClient& client) -> Result<ExitStatus> {
    SLIPWAY_CHECK(client.remove(path_of(options)));
    if (!options.client.json) print(slipway::format("notification {} deleted\n", options.id));
    return ExitStatus::done;
  });
}

/// What the last attempt came to: "200", "it answered 500: …".
std::string last_result(json::Value delivery) {
  std::string result;
  for (const json::Value attempt : delivery.find("latest").elements()) {
    const std::string_view error = attempt.find("error").text();
    result = error.empty() ? std::to_string(attempt.find("status").as_int64().value_or(0))
                           : std::string(error);
  }
  return result;
}

ExitStatus deliveries(const NotificationOptions& options) {
  return with_client(options.client, [&](const ApiClient& client) -> Result<ExitStatus> {
    SLIPWAY_TRY(const std::string answer,
                client.get(slipway::format("{}/deliveries", path_of(options))));
    if (options.client.json) {
      print(answer + "\n");
      return ExitStatus::done;
    }
    SLIPWAY_TRY(const json::Document document, json::Document::parse(answer));
    Table table{"ID", "CREATED", "EVENT", "REPOSITORY", "STATE", "ATTEMPTS", "LAST"};
    for (const json::Value delivery : document.root().find("deliveries").elements())
      table.add({std::string(delivery.find("id").text()),
                 std::string(delivery.find("created").text()),
                 std::string(delivery.find("event").text()),
                 std::string(delivery.find("repository").text()),
                 std::string(delivery.find("state").text()),
                 std::to_string(delivery.find("attempts").as_int64().value_or(0)),
                 last_result(delivery)});
    print(table.text());
    return ExitStatus::done;
  });
}

/// POST to something of a notification, which answers with a delivery.
ExitStatus send(const NotificationOptions& options, const std::string& path) {
  return with_client(options.client, [&](const ApiClient& client) -> Result<ExitStatus> {
    SLIPWAY_TRY(const std::string answer, client.post(path, ""));
    if (options.client.json) {
      print(answer + "\n");
      return ExitStatus::done;
    }
    SLIPWAY_TRY(const json::Document document, json::Document::parse(answer));
    print(slipway::format("delivery {}\n", on_one_line(document.root().find("id").text())));
    return ExitStatus::done;
  });
}

ExitStatus ping(const NotificationOptions& options) {
  return send(options, slipway::format("{}/ping", path_of(options)));
}

ExitStatus redeliver(const NotificationOptions& options) {
  return send(options, slipway::format("{}/deliveries/{}/redeliver", path_of(options),
                                       path_part(options.delivery)));
}

/// A subcommand about one notification.
std::pair<CLI::App*, std::shared_ptr<NotificationOptions>> add_about_notification(
    CLI::App& group, const std::string& name, const std::string& description, Command& command,
    ExitStatus (*run)(const NotificationOptions&)) {
  auto added = add_command(group, name, description, command, run);
  const auto& [app, options] = added;
  app->add_option("ID", options->id, "The notification")->required();
  add_client_options(*app, options->client);
  return added;
}

}  // namespace

void add_notification_commands(CLI::App& parent, Command& command) {
  CLI::App& group =
      *parent.add_subcommand("notification", "Who is told of builds and tags, by signed webhooks");
  group.require_subcommand(1);
  {
    const auto [app, options] = add_command(
        group, "create", "Have a URL told; the secret is shown once", command, create);
    app->add_option("URL", options->url, "What the notifications are sent to")->required();
    app->add_option("--repositories", options->repositories,
                    "Only of repositories that match, such as app/** (default all)")
        ->type_name("PATTERN");
    app->add_option("--event", options->events,
                    "build.queued, build.started, build.finished, tag.pushed or tag.deleted; "
                    "repeatable (default all)")
        ->type_name("EVENT")
        ->allow_extra_args(false);
    add_client_options(*app, options->client);
  }
  {
    const auto [app, options] = add_command(group, "list", "All of them", command, list);
    add_client_options(*app, options->client);
  }
  add_about_notification(group, "delete", "Remove one and its deliveries", command, remove);
  add_about_notification(group, "ping", "Send it a ping", command, ping);
  add_about_notification(group, "deliveries", "What it was sent, with the results", command,
                         deliveries);
  const auto [app, options] = add_about_notification(
      group, "redeliver", "Send something once more, under the same id", command, redeliver);
  app->add_option("DELIVERY", options->delivery, "Its id among the deliveries")->required();
}

}  // namespace slipway
