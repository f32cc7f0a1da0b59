#include "auth/token_json.hpp"

#include "json/object_reader.hpp"
#include "json/value.hpp"
#include "json/writer.hpp"

namespace slipway {
namespace {

constexpr std::array all_actions{Action::pull, Action::push, Action::delete_, Action::build,
                                 Action::admin};

void write_grant(json::Writer& json, const Grant& grant) {
  json.begin_object().member("repositories", grant.repositories).key("actions").begin_array();
  for (const Action action : all_actions)
    if (grant.actions.has(action)) json.string(to_string(action));
  json.end_array().end_object();
}

Result<void> read_grant(json::Value value, const std::string& path, std::vector<Grant>& grants) {
  Grant grant;
  std::vector<std::string> names;
  json::ObjectReader reader(value, path);
  reader.require("repositories", grant.repositories);
  reader.require("actions", names);
  SLIPWAY_CHECK(reader.finish());
  for (const std::string& name : names) {
    const auto action = parse_action(name);
    if (!action)
      return Error(ErrorCode::invalid_argument, path + ": unknown action \"" + name + "\"");
    grant.actions.add(*action);
  }
  grants.push_back(std::move(grant));
  return {};
}

Result<Token> read_token(std::string_view text) {
  SLIPWAY_TRY(const json::Document document, json::Document::parse(text));
  Token token;
  Timestamp expires{};
  json::ObjectReader reader(document.root(), "token");
  reader.require("id", token.id);
  reader.require("name", token.name);
  reader.require("created", json::time_into(token.created));
  reader.read_each("grants", [&](json::Value grant, const std::string& path) {
    return read_grant(grant, path, token.grants);
  });
  reader.read("expires", json::time_into(expires));
  SLIPWAY_CHECK(reader.finish());
  if (document.root().find("expires")) token.expires = expires;
  return token;
}

}  // namespace

std::string token_to_json(const Token& token) {
  json::Writer json;
  json.begin_object().member("id", token.id).member("name", token.name).key("grants").begin_array();
  for (const Grant& grant : token.grants) write_grant(json, grant);
  json.end_array().member("created", to_rfc3339(token.created));
  if (token.expires) json.member("expires", to_rfc3339(*token.expires));
  json.end_object();
  return json.take();
}

Result<Token> token_from_json(std::string_view text) {
  auto token = read_token(text);
  if (!token) return Error(ErrorCode::corrupt, "stored token: " + token.error().message);
  return token;
}

}  // namespace slipway
