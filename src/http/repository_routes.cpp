#include <string>
#include <vector>

#include "http/build_routes.hpp"
#include "http/visible_repositories.hpp"
#include "json/writer.hpp"

namespace slipway {
namespace {

constexpr std::size_t usual_names = 100;
constexpr std::size_t most_names = 1000;

Result<void> respond_with_repositories(const ApiCall& call, HttpResponse& response) {
  const std::string_view query = call.request.query();
  SLIPWAY_TRY(const std::size_t limit, limit_of(call.request, usual_names, most_names));
  const std::string last = query_parameter(query, "after").value_or("");
  const std::string prefix = query_parameter(query, "prefix").value_or("");
  SLIPWAY_TRY(const RepositoryPage page,
              visible_repositories(call.parts().registry, call.parts().policy, call.need,
                                   call.identity, {prefix, last, limit}));
  if (page.more) add_next_link(call.request, {{"after", page.repositories.back()}}, response);
  json::Writer json;
  json.begin_object().key("repositories").begin_array();
  for (const std::string& name : page.repositories) json.string(name);
  json.end_array().end_object();
  respond_with_json(200, json.str(), response);
  return {};
}

Result<void> respond_with_tags(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_TRY(const RepositoryName repository, repository_of(call));
  SLIPWAY_TRY(const std::size_t limit, limit_of(call.request, usual_names, most_names));
  const std::string after = query_parameter(call.request.query(), "after").value_or("");
  SLIPWAY_TRY(const TagPage page, call.parts().registry.tags(repository, after, limit));
  if (page.more && !page.tags.empty())
    add_next_link(call.request, {{"after", page.tags.back()}}, response);
  json::Writer json;
  json.begin_object().key("repository").string(repository.str());
  json.key("tags").begin_array();
  for (const std::string& name : page.tags) {
    SLIPWAY_TRY(Tag tag, Tag::parse(name));
    const auto manifest =
        call.parts().registry.stat_manifest(repository, Reference(std::move(tag)));
    if (!manifest) continue;  // deleted since the page was read
    json.begin_object().key("name").string(name);
    json.key("digest").string(manifest->digest.to_string()).end_object();
  }
  json.end_array().end_object();
  respond_with_json(200, json.str(), response);
  return {};
}

Result<void> respond_with_manifest(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_TRY(const RepositoryName repository, repository_of(call));
  SLIPWAY_TRY(const Reference reference, parse_reference(call.parameters.back()));
  SLIPWAY_TRY(const ManifestInfo manifest,
              call.parts().registry.read_manifest(repository, reference, response.bytes()));
  response.add("Content-Type", manifest.media_type);
  response.add("Docker-Content-Digest", manifest.digest.to_string());
  response.add("X-Content-Type-Options", "nosniff");
  return {};
}

}  // namespace

HttpAction list_repositories(const ApiCallPointer& call, HttpResponse&) {
  return answer_blocking(call, respond_with_repositories);
}

HttpAction list_tags(const ApiCallPointer& call, HttpResponse&) {
  return answer_blocking(call, respond_with_tags);
}

HttpAction show_manifest(const ApiCallPointer& call, HttpResponse& response) {
  return answer_point_read(call, respond_with_manifest, response);
}

}  // namespace slipway
