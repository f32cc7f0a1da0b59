// `slipway image list`.
#include <slipway/core/media_type.hpp>

#include <optional>

#include "json/value.hpp"
#include "json/writer.hpp"
#include "program/api_client.hpp"
#include "program/image_commands.hpp"
#include "program/image_report.hpp"
#include "program/progress.hpp"
#include "program/table.hpp"

namespace slipway {
namespace {

struct ListOptions {
  ClientOptions client;
  std::string repository;
};

/// The texts or objects of a list's pages, each as it comes.
Result<void> each_element(const ApiClient& client, const std::string& path, std::string_view list,
                          const std::function<Result<void>(json::Value)>& take) {
  return client.get_pages(path, [&](const std::string& body) -> Result<void> {
    SLIPWAY_TRY(const json::Document document, json::Document::parse(body));
    for (const json::Value value : document.root().find(list).elements())
      SLIPWAY_CHECK(take(value));
    return {};
  });
}

Result<ExitStatus> list_repositories(const ApiClient& client, bool as_json) {
  json::Writer json;
  json.begin_object().key("repositories").begin_array();
  std::string text;
  SLIPWAY_CHECK(each_element(client, "/api/v1/repositories?limit=1000", "repositories",
                             [&](json::Value name) -> Result<void> {
                               json.string(name.text());
                               text.append(on_one_line(name.text())).append("\n");
                               return {};
                             }));
  json.end_array().end_object();
  print(as_json ? json.str() + "\n" : text);
  return ExitStatus::done;
}

Result<ExitStatus> list_tags(const ApiClient& client, const RepositoryName& repository,
                             bool as_json) {
  const RegistryClient registry = client.registry(repository);
  json::Writer json;
  json.begin_object().member("repository", repository.str()).key("tags").begin_array();
  Table table{"TAG", "DIGEST", "SIZE", "TYPE"};
  const auto add = [&](json::Value tag) -> Result<void> {
    SLIPWAY_TRY(const Digest digest, Digest::parse(tag.find("digest").text()));
    const auto content = registry.read_manifest(digest);
    // It may have gone since the list was made.
    if (!content && content.error().code == ErrorCode::not_found) return {};
    if (!content) return content.error();
    SLIPWAY_TRY(const std::uint64_t size, image_size(registry, *content));
    const std::string name(tag.find("name").text());
    json.begin_object().member("name", name).member("digest", digest.to_string());
    json.member("media_type", content->media_type).key("size").number(size).end_object();
    table.add({name, digest.to_string(), readable_size(size), content->media_type});
    return {};
  };
  SLIPWAY_CHECK(each_element(client,
                             slipway::format("/api/v1/repositories/{}/tags?limit=1000",
                                             path_part(repository.str())),
                             "tags", add));
  json.end_array().end_object();
  print(as_json ? json.str() + "\n" : table.text());
  return ExitStatus::done;
}

ExitStatus list(const ListOptions& options) {
  std::optional<RepositoryName> repository;
  if (!options.repository.empty()) {
    auto name = RepositoryName::parse(options.repository);
    if (!name) return report_wrong_usage(name.error().message);
    repository = std::move(*name);
  }
  return with_client(options.client, [&](const ApiClient& client) {
    return repository ? list_tags(client, *repository, options.client.json)
                      : list_repositories(client, options.client.json);
  });
}

}  // namespace

void add_image_list_command(CLI::App& group, Command& command) {
  const auto [app, options] =
      add_command(group, "list", "Repositories, or the tags of one", command, list);
  app->add_option("REPO", options->repository, "Its tags, with digest, size and type");
  add_client_options(*app, options->client);
}

}  // namespace slipway
