#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "auth/token_json.hpp"
#include "http/build_routes.hpp"
#include "json/object_reader.hpp"
#include "json/writer.hpp"

namespace slipway {
namespace {

struct TokenRequest {
  std::string name;
  std::vector<Grant> grants;
  std::optional<Timestamp> expires;
};

Result<void> read_grant(json::Value value, const std::string& path, std::vector<Grant>& grants) {
  Grant grant;
  std::vector<std::string> actions;
  json::ObjectReader object(value, path);
  object.read("repositories", grant.repositories);
  object.require("actions", actions);
  SLIPWAY_CHECK(object.finish(json::ObjectReader::Unknown::refused));
  for (const std::string& name : actions) {
    const auto action = parse_action(name);
    if (!action)
      return Error(
          ErrorCode::invalid_argument,
          path + ".actions: \"" + name + "\": expected pull, push, delete, build or admin");
    grant.actions.add(*action);
  }
  grants.push_back(std::move(grant));
  return {};
}

Result<TokenRequest> parse_token_request(std::string_view text) {
  SLIPWAY_TRY(const json::Document document, json::Document::parse(text));
  TokenRequest request;
  json::ObjectReader object(document.root(), "");
  object.require("name", request.name);
  object.read_each("grants", [&](json::Value value, const std::string& path) {
    return read_grant(value, path, request.grants);
  });
  object.read("expires", json::time_into(request.expires));
  SLIPWAY_CHECK(object.finish(json::ObjectReader::Unknown::refused));
  return request;
}

Result<void> create(const ApiCall& call, std::string&& body, HttpResponse& response) {
  SLIPWAY_TRY(TokenRequest request, parse_token_request(body));
  SLIPWAY_TRY(const TokenStore::Created created,
              call.parts().tokens.create(request.name, std::move(request.grants), request.expires));
  call.parts().log.info(
      "token created",
      {{"token", created.token.id}, {"name", created.token.name}, {"by", call.identity.name}});
  std::string json = token_to_json(created.token);
  json.pop_back();
  json.append(",\"secret\":\"").append(created.secret).append("\"}");
  response.add("Cache-Control", "no-store");
  respond_with_json(201, json, response);
  return {};
}

Result<void> list(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_TRY(const auto tokens, call.parts().tokens.list());
  json::Writer json;
  json.begin_object().key("tokens").begin_array();
  for (const Token& token : tokens) json.raw(token_to_json(token));
  json.end_array().end_object();
  respond_with_json(200, json.str(), response);
  return {};
}

Result<void> revoke(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_CHECK(call.parts().tokens.revoke(call.parameters.front()));
  call.parts().log.info("token revoked",
                        {{"token", call.parameters.front()}, {"by", call.identity.name}});
  response.status = 204;
  return {};
}

}  // namespace

HttpAction create_token(const ApiCallPointer& call, HttpResponse&) {
  return answer_body(call, max_json_bytes, create);
}

HttpAction list_tokens(const ApiCallPointer& call, HttpResponse&) {
  return answer_blocking(call, list);
}

HttpAction revoke_token(const ApiCallPointer& call, HttpResponse&) {
  return answer_blocking(call, revoke);
}

}  // namespace slipway
