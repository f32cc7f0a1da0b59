#include "http/oci_token.hpp"

#include <string>
#include <utility>
#include <vector>

#include <slipway/auth/bearer_tokens.hpp>
#include <slipway/core/media_type.hpp>

#include "http/oci_challenge.hpp"
#include "json/writer.hpp"

namespace slipway {
namespace {

constexpr std::uint64_t max_form_bytes = 16 * 1024;
constexpr std::string_view form_type = "application/x-www-form-urlencoded";

using Parameters = std::vector<QueryParameter>;

std::string_view value_of(const Parameters& parameters, std::string_view name) {
  for (const QueryParameter& parameter : parameters)
    if (parameter.name == name) return parameter.value;
  return {};
}

Result<TokenScopes> asked_scopes(const Parameters& parameters) {
  std::string all;
  for (const QueryParameter& parameter : parameters)
    if (parameter.name == "scope") all.append(parameter.value).append(" ");
  return parse_scopes(all);
}

struct Issued {
  std::string token;
  TokenScopes granted;
};

/// Errors: unauthenticated, too_large, io.
Result<Issued> issue(const OciParts& parts, const Authenticator& authenticator,
                     std::string_view secret, const Parameters& parameters) {
  SLIPWAY_TRY(const TokenScopes asked, asked_scopes(parameters));
  Identity identity;
  if (!secret.empty()) {
    SLIPWAY_TRY(identity, authenticator.identify_secret(secret));
  } else if (parts.policy.anonymous() == AnonymousAccess::none) {
    return Error(ErrorCode::unauthenticated,
                 "this registry is not open to everyone; log in with a token as password");
  }
  Issued issued;
  issued.granted = within(asked, identity, parts.policy);
  SLIPWAY_TRY(issued.token, parts.options.bearer_tokens->issue(secret, issued.granted));
  return issued;
}

/// Both names of the token: clients look for one or the other. No issued_at: a client counts from
/// when it got the answer, whatever its clock says.
void respond_with_token(const OciParts& parts, const Issued& issued, std::string_view refresh_token,
                        HttpResponse& response) {
  json::Writer json;
  json.begin_object().member("token", issued.token).member("access_token", issued.token);
  json.member("token_type", "Bearer");
  json.key("expires_in").number(parts.options.bearer_tokens->lifetime().count());
  json.member("scope", to_string(issued.granted));
  json.member_if("refresh_token", refresh_token);
  json.end_object();
  response.status = 200;
  response.add("Content-Type", media_type::json);
  response.add("Cache-Control", "no-store");
  response.bytes() = json.str();
}

void answer_get(const OciParts& parts, const Authenticator& authenticator,
                const HttpRequest& request, HttpResponse& response) {
  const auto parameters = parse_query(request.query());
  const std::string_view authorization = request.field("Authorization");
  const bool nobody = Authenticator::is_nobody(authorization);
  auto secret =
      nobody ? Result<std::string>(std::string()) : Authenticator::secret_of(authorization);
  if (secret && secret->empty() && !nobody)
    secret = Error(ErrorCode::unauthenticated, "the password is empty; it is the token");
  auto issued = !parameters ? Result<Issued>(Error(ErrorCode::invalid_argument,
                                                   "the query is malformed or too long"))
                : !secret   ? Result<Issued>(secret.error())
                            : issue(parts, authenticator, *secret, *parameters);
  if (issued) return respond_with_token(parts, *issued, {}, response);
  parts.fail(issued.error(), OciSubject::list, response);
  if (response.status == 401) response.add("WWW-Authenticate", basic_challenge);
}

/// RFC 6749 section 5.2.
void respond_with_oauth_error(std::string_view error, std::string_view description,
                              HttpResponse& response) {
  json::Writer json;
  json.begin_object().member("error", error).member("error_description", description);
  json.end_object();
  response.status = 400;
  response.add("Content-Type", media_type::json);
  response.add("Cache-Control", "no-store");
  response.bytes() = json.str();
}

void answer_form(const OciParts& parts, const Authenticator& authenticator, std::string_view body,
                 HttpResponse& response) {
  const auto form = parse_query(body);
  if (!form) return respond_with_oauth_error("invalid_request", "the form is malformed", response);
  const std::string_view grant = value_of(*form, "grant_type");
  if (grant != "password" && grant != "refresh_token")
    return respond_with_oauth_error("unsupported_grant_type",
                                    "grant_type: expected password or refresh_token", response);
  const std::string_view secret = value_of(*form, grant);
  if (secret.empty())
    return respond_with_oauth_error("invalid_request", std::string(grant) + " is missing",
                                    response);
  const auto issued = issue(parts, authenticator, secret, *form);
  if (issued) {
    const bool offline = value_of(*form, "access_type") == "offline";
    return respond_with_token(parts, *issued, offline ? secret : "", response);
  }
  switch (issued.error().code) {
    case ErrorCode::unauthenticated:
      return respond_with_oauth_error("invalid_grant", issued.error().message, response);
    case ErrorCode::too_large:
      return respond_with_oauth_error("invalid_scope", issued.error().message, response);
    default: return parts.fail(issued.error(), OciSubject::list, response);
  }
}

}  // namespace

HttpAction answer_token(const OciParts& parts, const Authenticator& authenticator,
                        const HttpRequest& request, HttpResponse& response) {
  if (request.method == HttpMethod::post) {
    if (media_type::essence(request.field("Content-Type")) != form_type) {
      respond_with_oauth_error("invalid_request",
                               "Content-Type: expected application/x-www-form-urlencoded",
                               response);
      return HttpDone();
    }
    return HttpReceive{receive_whole_body(
                           max_form_bytes,
                           [&parts, &authenticator](std::string&& body, HttpResponse& later) {
                             answer_form(parts, authenticator, body, later);
                           },
                           [](const Error& error, HttpResponse& later) {
                             respond_with_oauth_error("invalid_request", error.message, later);
                           }),
                       max_form_bytes, true};
  }
  if (parts.options.reads_may_block)
    return HttpBlocking{[&parts, &authenticator, &request](HttpResponse& later) {
      answer_get(parts, authenticator, request, later);
    }};
  answer_get(parts, authenticator, request, response);
  return HttpDone();
}

}  // namespace slipway
