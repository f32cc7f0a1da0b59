#include "http/openapi.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include "http/access_table.hpp"
#include "http/openapi_schemas.hpp"
#include "json/writer.hpp"

namespace slipway {
namespace {

using Method = HttpMethod;

/// What is said of a route beyond its row in the access table.
struct Description {
  Method method;
  std::string_view path;
  std::string_view summary;
  std::string_view answers;     // "202 Build, 409 Problem": status and schema, "text" or "bytes"
  std::string_view query = {};  // names of `parameters` below
  std::string_view body = {};   // a schema, "bytes" or "tar"; "?" behind it: may be left out
};

constexpr std::string_view api = "/api/v1/";

constexpr std::array descriptions{
    Description{Method::get, "/v2/", "Is this a registry, and may one use it?", "200 object"},
    Description{Method::get, "/v2/token", "A bearer token for a scope", "200 object"},
    Description{Method::post, "/v2/token", "The same by a form", "200 object", "", "bytes"},
    Description{Method::get, "/v2/_catalog", "Repositories", "200 object", "n last"},
    Description{Method::get, "/v2/{repository}/tags/list", "Tags", "200 object", "n last"},
    Description{Method::get, "/v2/{repository}/referrers/{digest}", "Referrers", "200 object"},
    Description{Method::get, "/v2/{repository}/manifests/{reference}", "A manifest", "200 bytes"},
    Description{Method::put, "/v2/{repository}/manifests/{reference}", "Push a manifest", "201", "",
                "bytes"},
    Description{Method::delete_, "/v2/{repository}/manifests/{reference}",
                "Delete a tag or a manifest", "202"},
    Description{Method::get, "/v2/{repository}/blobs/{digest}", "A blob", "200 bytes, 206 bytes"},
    Description{Method::delete_, "/v2/{repository}/blobs/{digest}", "Delete a blob", "202"},
    Description{Method::post, "/v2/{repository}/blobs/uploads/", "Begin an upload, or mount a blob",
                "201, 202", "", "bytes?"},
    Description{Method::get, "/v2/{repository}/blobs/uploads/{upload}", "How far an upload is",
                "204"},
    Description{Method::patch, "/v2/{repository}/blobs/uploads/{upload}", "Append to an upload",
                "202", "", "bytes"},
    Description{Method::put, "/v2/{repository}/blobs/uploads/{upload}", "Complete an upload", "201",
                "", "bytes?"},
    Description{Method::delete_, "/v2/{repository}/blobs/uploads/{upload}", "Give an upload up",
                "204"},

    Description{Method::get, "/api/v1/builds", "Builds, newest first", "200 Builds",
                "repository state limit after"},
    Description{Method::get, "/api/v1/builds/{id}", "One build", "200 Build"},
    Description{Method::get, "/api/v1/builds/{id}/log", "Its log", "200 text", "offset follow"},
    Description{Method::get, "/api/v1/builds/{id}/events", "Its changes as server-sent events",
                "200 events", "after"},
    Description{Method::get, "/api/v1/events", "Changes of builds as server-sent events",
                "200 events", "after"},
    Description{Method::get, "/api/v1/builds/{id}/explain", "Why it waits, and when it may start",
                "200 WaitExplanation"},
    Description{Method::get, "/api/v1/queue", "Tenants with builds, and backends with their room",
                "200 Queue"},
    Description{Method::post, "/api/v1/builds/{id}/cancel", "End it", "202 Build, 409 Problem"},
    Description{Method::post, "/api/v1/builds/{id}/retry", "A new build of the same request",
                "202 Build, 409 Problem"},
    Description{Method::post, "/api/v1/repositories/{repository}/builds",
                "Submit a build, as JSON or as the context itself", "202 Build", "",
                "BuildRequest tar"},
    Description{Method::post, "/api/v1/repositories/{repository}/contexts",
                "Upload a context for a build that is submitted later", "201 Context", "", "tar"},
    Description{Method::post, "/api/v1/repositories/{repository}/triggers",
                "Make a trigger; its secret is shown this once", "201 Trigger", "",
                "TriggerRequest"},
    Description{Method::get, "/api/v1/repositories/{repository}/triggers", "Triggers",
                "200 Triggers"},
    Description{Method::get, "/api/v1/repositories/{repository}/triggers/{id}", "One trigger",
                "200 Trigger"},
    Description{Method::delete_, "/api/v1/repositories/{repository}/triggers/{id}",
                "Delete it and its deliveries", "204"},
    Description{Method::post, "/api/v1/repositories/{repository}/triggers/{id}/resume",
                "End its pause", "200 Trigger"},
    Description{Method::get, "/api/v1/repositories/{repository}/triggers/{id}/deliveries",
                "The webhooks that it received, newest first", "200 Deliveries", "limit after"},
    Description{Method::get,
                "/api/v1/repositories/{repository}/triggers/{id}/deliveries/{delivery}",
                "One of them, with its body", "200 Delivery"},
    Description{Method::post,
                "/api/v1/repositories/{repository}/triggers/{id}/deliveries/{delivery}/replay",
                "Send it again", "200 Ignored, 202 Builds, 413 Problem, 422 Problem"},
    Description{Method::get, "/api/v1/repositories", "Repositories", "200 Repositories",
                "prefix limit after"},
    Description{Method::get, "/api/v1/repositories/{repository}/manifests/{reference}",
                "A manifest's bytes", "200 bytes"},
    Description{Method::get, "/api/v1/repositories/{repository}/tags", "Tags with their digests",
                "200 Tags", "limit after"},
    Description{Method::post, "/api/v1/admin/tokens", "Make a token; its secret is shown this once",
                "201 Token", "", "TokenRequest"},
    Description{Method::get, "/api/v1/admin/tokens", "Tokens", "200 Tokens"},
    Description{Method::delete_, "/api/v1/admin/tokens/{id}", "Revoke a token", "204"},
    Description{Method::post, "/api/v1/admin/notifications",
                "Have a URL told of builds and tags; the secret is shown this once",
                "201 Notification", "", "NotificationRequest"},
    Description{Method::get, "/api/v1/admin/notifications", "Who is told of builds and tags",
                "200 Notifications"},
    Description{Method::get, "/api/v1/admin/notifications/{id}", "One of them",
                "200 Notification"},
    Description{Method::delete_, "/api/v1/admin/notifications/{id}",
                "Delete it and its deliveries", "204"},
    Description{Method::post, "/api/v1/admin/notifications/{id}/ping", "Send it a ping",
                "202 Notice"},
    Description{Method::get, "/api/v1/admin/notifications/{id}/deliveries",
                "What it was sent or is to be sent, newest first", "200 Notices", "limit after"},
    Description{Method::get, "/api/v1/admin/notifications/{id}/deliveries/{delivery}",
                "One of them, with its body", "200 Notice"},
    Description{Method::post,
                "/api/v1/admin/notifications/{id}/deliveries/{delivery}/redeliver",
                "Send it again", "202 Notice"},
    Description{Method::get, "/api/v1/admin/operations", "Long operations, newest first",
                "200 Operations"},
    Description{Method::get, "/api/v1/admin/operations/{id}", "One of them",
                "200 Operation", "follow"},
    Description{Method::delete_, "/api/v1/admin/operations/{id}", "Have it stop",
                "202 Operation, 409 Problem"},
    Description{Method::post, "/api/v1/admin/{kind}", "Start an operation",
                "202 Operation, 409 Problem", "", "OperationOptions?"},

    Description{Method::post, "/worker/v1/register", "A worker trades its token for instructions",
                "200 object, 409 Problem", "", "object"},
    Description{Method::post, "/worker/v1/builds/{id}/heartbeat", "It lives",
                "200 object, 409 Problem", "", "object"},
    Description{Method::post, "/worker/v1/builds/{id}/phase", "It begins a phase",
                "200 object, 409 Problem", "", "object"},
    Description{Method::post, "/worker/v1/builds/{id}/log", "It adds to the log",
                "200 object, 409 Problem, 416 object", "offset", "bytes"},
    Description{Method::get, "/worker/v1/builds/{id}/context", "It fetches the context",
                "200 bytes, 409 Problem"},
    Description{Method::post, "/worker/v1/builds/{id}/finish", "It reports the end",
                "200 object, 409 Problem", "", "object"},

    Description{Method::post, "/hooks/{trigger}", "A webhook",
                "200 Ignored, 202 Builds, 401 Problem, 422 Problem", "", "object"},

    Description{Method::get, "/healthz", "Does the process answer?", "200 text"},
    Description{Method::get, "/readyz", "Can it work?", "200 text, 503 text"},
    Description{Method::get, "/metrics", "Prometheus' text format", "200 text"},
    Description{Method::get, "/openapi.json", "This description", "200 object"},
};

consteval bool describes_each_route() {
  for (const AccessRow& row : access_table) {
    int count = 0;
    for (const Description& known : descriptions)
      if (known.method == row.method && known.path == row.path) ++count;
    if (count != 1) return false;
  }
  return descriptions.size() == access_table.size();
}
static_assert(describes_each_route(),
              "each row of access_table needs its description here, and no other has one");

struct Parameter {
  std::string_view name;
  std::string_view schema;
  std::string_view description;
};

constexpr std::array parameters{
    Parameter{"repository", R"({"type":"string"})", "A repository's name"},
    Parameter{"state",
              R"({"type":"string","enum":["queued","starting","running","succeeded","failed","cancelled"]})",
              "Only builds in this state"},
    Parameter{"limit", R"({"type":"integer","minimum":1})", "At most so many"},
    Parameter{"after", R"({"type":"string"})", "Behind this one: the link to the next page has it"},
    Parameter{"n", R"({"type":"integer","minimum":0})", "At most so many"},
    Parameter{"last", R"({"type":"string"})", "Behind this one"},
    Parameter{"prefix", R"({"type":"string"})", "Only names that begin so"},
    Parameter{"offset", R"({"type":"integer","minimum":0})", "From this byte on"},
    Parameter{"follow", R"({"type":"boolean"})", "Go on until the end"},
};

std::vector<std::string_view> words(std::string_view text, char separator = ' ') {
  std::vector<std::string_view> found;
  while (!text.empty()) {
    std::string_view word = text.substr(0, text.find(separator));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    while (word.starts_with(' ')) word.remove_prefix(1);
    if (!word.empty()) found.push_back(word);
  }
  return found;
}

/// The names between braces.
std::vector<std::string_view> path_parameters(std::string_view path) {
  std::vector<std::string_view> names;
  for (std::size_t open = path.find('{'); open != path.npos; open = path.find('{', open + 1))
    names.push_back(path.substr(open + 1, path.find('}', open) - open - 1));
  return names;
}

void write_content(json::Writer& json, std::string_view type, std::string_view schema) {
  json.key(type).begin_object().key("schema").raw(schema).end_object();
}

/// The content of one kind of body.
void write_kind(json::Writer& json, std::string_view kind) {
  if (kind == "text") return write_content(json, "text/plain", R"({"type":"string"})");
  if (kind == "events") return write_content(json, "text/event-stream", R"({"type":"string"})");
  if (kind == "bytes") return write_content(json, "*/*", "{}");
  if (kind == "object") return write_content(json, "application/json", R"({"type":"object"})");
  if (kind == "tar") {
    for (const std::string_view type : {"application/x-tar", "application/gzip", "application/zstd"})
      write_content(json, type, R"({"type":"string","format":"binary"})");
    return;
  }
  const std::string schema = R"({"$ref":"#/components/schemas/)" + std::string(kind) + R"("})";
  write_content(json, kind == "Problem" ? "application/problem+json" : "application/json", schema);
}

void write_answer(json::Writer& json, std::string_view status, std::string_view kind,
                  std::string_view description) {
  json.key(status).begin_object().member("description", description);
  if (!kind.empty()) {
    json.key("content").begin_object();
    write_kind(json, kind);
    json.end_object();
  }
  json.end_object();
}

/// Statuses of mistakes that follow from how a route works.
void write_mistakes(json::Writer& json, const Description& route, const AccessNeed& need) {
  const bool registry = route.path.starts_with("/v2/");
  if (registry) {
    write_answer(json, "4XX", "OciErrors", "As the distribution specification says");
    write_answer(json, "5XX", "OciErrors", "The server's failure");
    return;
  }
  const auto problem = [&](std::string_view status, std::string_view why) {
    if (route.answers.find(status) == route.answers.npos)
      write_answer(json, status, "Problem", why);
  };
  problem("400", "Something in the request is wrong; detail says what");
  if (need.kind != AccessNeed::Kind::everyone && need.kind != AccessNeed::Kind::signature)
    problem("401", "Without a token, or with one that is not valid");
  if (need.kind != AccessNeed::Kind::everyone && need.kind != AccessNeed::Kind::signature)
    problem("403", "Not allowed");
  if (route.path.find('{') != route.path.npos) problem("404", "There is no such thing");
  if (!route.body.empty()) problem("413", "Too large");
  problem("500", "The server's failure");
  problem("503", "Too much is waiting; try again");
  if (route.method != Method::get) problem("507", "The disk or the store is full");
}

void write_answers(json::Writer& json, const Description& route, const AccessNeed& need) {
  json.key("responses").begin_object();
  for (const std::string_view answer : words(route.answers, ',')) {
    const auto parts = words(answer);
    write_answer(json, parts.front(), parts.size() > 1 ? parts[1] : std::string_view(),
                 parts.front().starts_with('2') ? "Done" : "Not done; detail says why");
  }
  write_mistakes(json, route, need);
  json.end_object();
}

void write_parameter(json::Writer& json, std::string_view name, std::string_view in,
                     std::string_view schema, std::string_view description) {
  json.begin_object().member("name", name).member("in", in);
  if (in == "path") json.key("required").boolean(true);
  json.member("description", description).key("schema").raw(schema).end_object();
}

void write_parameters(json::Writer& json, const Description& route) {
  const auto in_path = path_parameters(route.path);
  const auto in_query = words(route.query);
  if (in_path.empty() && in_query.empty()) return;
  json.key("parameters").begin_array();
  for (const std::string_view name : in_path)
    write_parameter(json, name, "path", R"({"type":"string","minLength":1})",
                    name == "repository" ? "A repository's name; its slashes may be sent as they are"
                                         : "What the path names");
  for (const std::string_view name : in_query)
    for (const Parameter& known : parameters)
      if (known.name == name)
        write_parameter(json, name, "query", known.schema, known.description);
  json.end_array();
}

void write_body(json::Writer& json, std::string_view body) {
  if (body.empty()) return;
  const bool optional = body.ends_with('?');
  if (optional) body.remove_suffix(1);
  json.key("requestBody").begin_object().key("required").boolean(!optional);
  json.key("content").begin_object();
  for (const std::string_view kind : words(body)) write_kind(json, kind);
  json.end_object().end_object();
}

void write_route(json::Writer& json, const Description& route) {
  const AccessNeed need = find_access_row(route.method, "", route.path)->need;
  std::string method(to_string(route.method));
  std::transform(method.begin(), method.end(), method.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  json.key(method).begin_object().member("summary", route.summary);
  json.key("tags").begin_array();
  json.string(route.path.starts_with(api)           ? "api"
              : route.path.starts_with("/v2/")      ? "registry"
              : route.path.starts_with("/worker/")  ? "workers"
              : route.path.starts_with("/hooks/")   ? "hooks"
                                                    : "operation");
  json.end_array();
  if (need.kind == AccessNeed::Kind::everyone || need.kind == AccessNeed::Kind::signature)
    json.key("security").begin_array().end_array();
  write_parameters(json, route);
  write_body(json, route.body);
  write_answers(json, route, need);
  json.end_object();
}

void write_paths(json::Writer& json) {
  json.key("paths").begin_object();
  for (std::size_t at = 0; at < descriptions.size(); ++at) {
    const std::string_view path = descriptions[at].path;
    const auto of_path = [&](const Description& route) { return route.path == path; };
    if (std::any_of(descriptions.begin(), descriptions.begin() + static_cast<std::ptrdiff_t>(at),
                    of_path))
      continue;
    json.key(path).begin_object();
    for (const Description& route : descriptions)
      if (of_path(route)) write_route(json, route);
    json.end_object();
  }
  json.end_object();
}

}  // namespace

std::string openapi_json() {
  json::Writer json;
  json.begin_object().member("openapi", "3.1.0");
  json.key("info").begin_object().member("title", "Slipway").member("version", "1");
  json.member("description", "A container registry that builds what it stores.").end_object();
  write_paths(json);
  json.key("components").begin_object().key("schemas").raw(openapi_schemas);
  json.key("securitySchemes")
      .raw(R"({"bearer":{"type":"http","scheme":"bearer"},"basic":{"type":"http","scheme":"basic"}})");
  json.end_object();
  json.key("security").raw(R"([{"bearer":[]},{"basic":[]}])");
  json.end_object();
  return json.take();
}

}  // namespace slipway
