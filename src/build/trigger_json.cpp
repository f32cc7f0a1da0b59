#include "build/trigger_json.hpp"

#include <utility>

#include "build/git_url.hpp"
#include "json/object_reader.hpp"
#include "json/writer.hpp"

namespace slipway {
namespace {

void write_texts(json::Writer& out, std::string_view name, const std::vector<std::string>& texts) {
  out.key(name).begin_array();
  for (const std::string& text : texts) out.string(text);
  out.end_array();
}

void read_request(json::ObjectReader& object, TriggerRequest& request) {
  object.require("provider", [&](json::Value value, const std::string& path) -> Result<void> {
    const auto provider = parse_git_provider(value.text());
    if (!provider) return json::mistake(path, "github, gitlab, bitbucket, gitea or custom", value);
    request.provider = *provider;
    return {};
  });
  object.require("git", [&](json::Value value, const std::string& path) -> Result<void> {
    json::ObjectReader git(value, path);
    git.require("url", request.git_url);
    return git.finish(json::ObjectReader::Unknown::refused);
  });
  object.read("branches", request.branches);
  object.read("git_tags", request.git_tags);
  object.read("paths", request.paths);
  object.read("context", request.context);
  object.read("dockerfile", request.dockerfile);
  object.read("tags", request.tags);
  object.read("supersede", request.supersede);
  object.read("status", [&](json::Value value, const std::string& path) -> Result<void> {
    json::ObjectReader status(value, path);
    status.require("token", request.status_token);
    status.read("api", request.status_api);
    return status.finish(json::ObjectReader::Unknown::refused);
  });
}

}  // namespace

void write_json(json::Writer& out, const Trigger& trigger, TriggerSecret secret,
                std::string_view hook_url) {
  const TriggerRequest& request = trigger.request;
  out.begin_object();
  out.member("id", trigger.id);
  out.member("repository", request.repository.str());
  out.member("provider", to_string(request.provider));
  const bool whole = secret == TriggerSecret::shown;
  out.key("git").begin_object();
  out.member("url", whole ? request.git_url : without_credentials(request.git_url)).end_object();
  out.member("branches", request.branches);
  out.member_if("git_tags", request.git_tags);
  if (!request.paths.empty()) write_texts(out, "paths", request.paths);
  out.member("context", request.context);
  out.member("dockerfile", request.dockerfile);
  write_texts(out, "tags", request.tags);
  out.key("supersede").boolean(request.supersede);
  if (!request.status_token.empty()) {
    out.key("status").begin_object();
    if (whole && hook_url.empty()) out.member("token", request.status_token);
    out.member_if("api", request.status_api).end_object();
  }
  out.member("created", to_rfc3339(trigger.created));
  if (trigger.health.failures_in_a_row > 0)
    out.key("failures_in_a_row").number(trigger.health.failures_in_a_row);
  if (trigger.health.paused) out.member("paused", to_rfc3339(*trigger.health.paused));
  out.member_if("hook_url", hook_url);
  if (whole) out.member("secret", trigger.secret);
  out.end_object();
}

std::string trigger_row(const Trigger& trigger) {
  json::Writer out;
  write_json(out, trigger, TriggerSecret::shown);
  return out.take();
}

Result<Trigger> parse_trigger_row(std::string_view text) {
  SLIPWAY_TRY(const json::Document document, json::Document::parse(text));
  SLIPWAY_TRY(RepositoryName repository,
              RepositoryName::parse(document.root().find("repository").text()));
  Trigger trigger{{}, TriggerRequest(std::move(repository)), {}, {}};
  json::ObjectReader object(document.root(), "");
  read_request(object, trigger.request);
  object.require("id", trigger.id);
  object.require("secret", trigger.secret);
  object.require("created", json::time_into(trigger.created));
  SLIPWAY_CHECK(object.finish());
  return trigger;
}

Result<TriggerRequest> parse_trigger_request(const RepositoryName& repository,
                                             std::string_view text) {
  SLIPWAY_TRY(const json::Document document, json::Document::parse(text));
  TriggerRequest request(repository);
  json::ObjectReader object(document.root(), "");
  read_request(object, request);
  SLIPWAY_CHECK(object.finish(json::ObjectReader::Unknown::refused));
  return request;
}

}  // namespace slipway
