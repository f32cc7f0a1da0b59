#include "http/api.hpp"

#include <algorithm>
#include <utility>

#include <slipway/core/byte_range.hpp>
#include <slipway/core/media_type.hpp>

#include "http/access_table.hpp"

namespace slipway {
namespace {

void tell(const Result<void>& done, HttpResponse& response) {
  if (done) return;
  response.clear();
  respond_with_error(done.error(), response);
}

}  // namespace

HttpAction answer_route(const Api& api, const HttpRequest& request, RouteLookup lookup,
                        HttpResponse& response) {
  auto identity = api.parts.authenticator.identify(request.field("authorization"));
  const AccessNeed need = lookup.match ? lookup.match->route->need : access::known;
  const std::string_view repository = lookup.match ? lookup.match->repository() : "";
  const auto allowed = identity ? api.parts.policy.check(need, *identity, {repository, {}})
                                : Result<void>(identity.error());
  if (!allowed) {
    respond_with_error(allowed.error(), response);
  } else if (!lookup.match) {
    respond_no_route(lookup, response);
  } else {
    const RouteAnswer answer = lookup.match->route->answer;
    return answer(std::make_shared<const ApiCall>(
                      ApiCall{api, request, std::move(*identity),
                              std::move(lookup.match->parameters), need}),
                  response);
  }
  return HttpDone();
}

HttpAction answer_now(const ApiCallPointer& call, const ApiAnswer& answer, HttpResponse& response) {
  tell(answer(*call, response), response);
  return HttpDone();
}

HttpAction answer_blocking(const ApiCallPointer& call, ApiAnswer answer) {
  return HttpBlocking{[call, answer = std::move(answer)](HttpResponse& response) {
    tell(answer(*call, response), response);
  }};
}

HttpAction answer_point_read(const ApiCallPointer& call, ApiAnswer answer, HttpResponse& response) {
  if (call->parts().metadata.reads_may_block()) return answer_blocking(call, std::move(answer));
  return answer_now(call, answer, response);
}

HttpAction answer_body(const ApiCallPointer& call, std::uint64_t limit, ApiBodyAnswer answer) {
  auto finish = [call, answer = std::move(answer)](std::string&& body, HttpResponse& response) {
    tell(answer(*call, std::move(body), response), response);
  };
  return HttpReceive{receive_whole_body(limit, std::move(finish), respond_with_error), limit, true};
}

void respond_with_error(const Error& error, HttpResponse& response) {
  if (error.code == ErrorCode::unauthenticated)
    response.add("WWW-Authenticate", "Bearer realm=\"slipway\"");
  respond_with_problem(error, response);
}

void respond_with_json(int status, std::string_view json, HttpResponse& response) {
  response.status = status;
  response.add("Content-Type", media_type::json);
  response.bytes() = json;
}

void fill_body(Blob&& blob, HttpResponse& response) {
  if (auto* bytes = std::get_if<std::string>(&blob.content)) {
    response.bytes() = std::move(*bytes);
    return;
  }
  response.body() = ObjectBody{std::get<std::shared_ptr<const Object>>(std::move(blob.content)),
                               ByteRange{0, blob.info.size}};
}

Result<RepositoryName> repository_of(const ApiCall& call) {
  return RepositoryName::parse(call.parameters.front());
}

Result<Build> visible_build(const ApiCall& call, std::string_view id) {
  auto build = call.parts().queue.find(id);
  if (build)
    SLIPWAY_CHECK(call.parts().policy.check(call.need, call.identity,
                                            {build->request.repository.str(), id}));
  return build;
}

Result<void> check_context_access(const ApiCall& call, const ContextSource& context) {
  if (!context.repository) return {};
  return call.parts().policy.check(access::read_repository, call.identity,
                                   {context.repository->str(), {}});
}

Result<void> check_destination(const ApiCall& call, std::string_view member, std::string_view url) {
  const auto allowed = call.api.options.destinations.check_url(url);
  if (allowed) return {};
  return Error(ErrorCode::invalid_argument, allowed.error().in(member).message);
}

Result<std::size_t> limit_of(const HttpRequest& request, std::size_t usual, std::size_t most) {
  const auto text = query_parameter(request.query(), "limit");
  if (!text) return usual;
  const auto value = detail::parse_decimal(*text);
  if (!value || *value == 0)
    return Error(
        ErrorCode::invalid_argument,
        "limit \"" + *text + "\": expected a whole number from 1 to " + std::to_string(most));
  return static_cast<std::size_t>(std::min<std::uint64_t>(*value, most));
}

Result<bool> wants_to_follow(const HttpRequest& request) {
  const std::string follow = query_parameter(request.query(), "follow").value_or("false");
  if (follow != "true" && follow != "false")
    return Error(ErrorCode::invalid_argument, "follow \"" + follow + "\": expected true or false");
  return follow == "true";
}

void add_next_link(const HttpRequest& request, std::initializer_list<QueryParameter> replaced,
                   HttpResponse& response) {
  const auto is_replaced = [&](const std::string& name) {
    return std::any_of(replaced.begin(), replaced.end(),
                       [&](const QueryParameter& other) { return other.name == name; });
  };
  std::string query;
  const auto append = [&query](const QueryParameter& parameter) {
    query.append(query.empty() ? "?" : "&");
    query.append(percent_encode(parameter.name))
        .append("=")
        .append(percent_encode(parameter.value));
  };
  if (const auto parameters = parse_query(request.query()))
    for (const QueryParameter& parameter : *parameters)
      if (!is_replaced(parameter.name)) append(parameter);
  for (const QueryParameter& parameter : replaced) append(parameter);
  response.add("Link", "<" + std::string(request.path()) + query + ">; rel=\"next\"");
}

}  // namespace slipway
