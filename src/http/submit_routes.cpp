// POST /api/v1/repositories/{name}/builds: as JSON, or the context itself with options as query.

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>
#include <variant>

#include <slipway/build/registry_context.hpp>
#include <slipway/core/media_type.hpp>
#include <slipway/core/quantity.hpp>
#include <slipway/support/hasher.hpp>

#include "build/build_json.hpp"
#include "build/git_url.hpp"
#include "http/build_routes.hpp"
#include "http/context_upload.hpp"
#include "json/writer.hpp"

namespace slipway {
namespace {

constexpr std::array<std::string_view, 3> context_types{"application/x-tar", "application/gzip",
                                                        "application/zstd"};

Error wrong_option(const QueryParameter& option, std::string_view expected) {
  return Error(ErrorCode::invalid_argument, option.name + ": expected " + std::string(expected) +
                                                ", got \"" + option.value.substr(0, 100) + "\"");
}

Result<void> read_pair(const QueryParameter& option, std::map<std::string, std::string>& out) {
  const std::size_t equals = option.value.find('=');
  if (equals == std::string::npos || equals == 0) return wrong_option(option, "NAME=VALUE");
  out[option.value.substr(0, equals)] = option.value.substr(equals + 1);
  return {};
}

Result<void> read_priority(const QueryParameter& option, BuildRequest& request) {
  const char* end = option.value.data() + option.value.size();
  const auto [stop, error] = std::from_chars(option.value.data(), end, request.priority);
  if (error != std::errc() || stop != end) return wrong_option(option, "a whole number");
  return {};
}

Result<void> read_timeout(const QueryParameter& option, BuildRequest& request) {
  const auto timeout = parse_duration(option.value);
  if (!timeout) return wrong_option(option, "a duration such as 90s or 1h");
  request.timeout = std::chrono::duration_cast<std::chrono::seconds>(*timeout);
  return {};
}

Result<void> read_not_before(const QueryParameter& option, BuildRequest& request) {
  request.not_before = parse_rfc3339(option.value);
  if (!request.not_before) return wrong_option(option, "an RFC 3339 time");
  return {};
}

Result<void> read_format(const QueryParameter& option, BuildRequest& request) {
  if (option.value == "oci")
    request.format = ImageFormat::oci;
  else if (option.value == "docker")
    request.format = ImageFormat::docker;
  else
    return wrong_option(option, "oci or docker");
  return {};
}

/// Names as on the command line.
Result<void> read_option(const QueryParameter& option, BuildRequest& request) {
  const std::string& name = option.name;
  if (name == "build-arg") return read_pair(option, request.args);
  if (name == "label") return read_pair(option, request.labels);
  if (name == "priority") return read_priority(option, request);
  if (name == "timeout") return read_timeout(option, request);
  if (name == "not-before") return read_not_before(option, request);
  if (name == "format") return read_format(option, request);
  if (name == "tag")
    request.tags.push_back(option.value);
  else if (name == "platform")
    request.platforms.push_back(option.value);
  else if (name == "file")
    request.dockerfile = option.value;
  else if (name == "context")
    request.context = option.value;
  else if (name == "target")
    request.target = option.value;
  else
    return Error(ErrorCode::invalid_argument,
                 name.substr(0, 100) +
                     ": there is no such option; there are tag, build-arg, label, file, context, "
                     "target, platform, format, priority, not-before and timeout");
  return {};
}

/// With the digest of no bytes, until the context is there.
Result<BuildRequest> request_of_query(const HttpRequest& http, const RepositoryName& repository,
                                      std::string_view type) {
  const auto options = parse_query(http.query());
  if (!options) return Error(ErrorCode::invalid_argument, "the query is malformed or too long");
  BuildRequest request(repository, ContextSource{digest_of(""), std::string(type)});
  for (const QueryParameter& option : *options) SLIPWAY_CHECK(read_option(option, request));
  SLIPWAY_CHECK(check_build_request(request));
  return request;
}

Result<void> submit(const ApiCall& call, const BuildRequest& request, const BuildSecrets& secrets,
                    HttpResponse& response) {
  SLIPWAY_TRY(const Build build, call.parts().queue.submit(request, secrets));
  call.parts().log.info(
      "build submitted",
      {{"build", build.id}, {"repository", request.repository.str()}, {"by", call.identity.name}});
  response.add("Location", "/api/v1/builds/" + build.id);
  respond_with_json(202, to_json(build), response);
  return {};
}

Result<void> submit_json(const ApiCall& call, std::string&& body, HttpResponse& response) {
  SLIPWAY_TRY(const RepositoryName repository, repository_of(call));
  SLIPWAY_TRY(BuildSubmission asked, parse_build_submission(repository, body));
  if (asked.find_context) {
    auto& context = std::get<ContextSource>(asked.request.source);
    SLIPWAY_CHECK(check_context_access(call, context));
    SLIPWAY_TRY(context, find_context(call.parts().registry, context.held_by(repository),
                                      context.digest));
    if (context.repository == repository) context.repository.reset();
  }
  if (const auto* git = std::get_if<GitSource>(&asked.request.source))
    SLIPWAY_CHECK(check_git_url(git->url, call.api.options.git_protocols));
  return submit(call, asked.request, asked.secrets, response);
}

Result<void> submit_with_context(const ApiCall& call, const BuildRequest& request,
                                 HttpResponse& response) {
  return submit(call, request, {}, response);
}

/// The context that a later submit names.
Result<void> tell_context(const ApiCall&, const BuildRequest& request, HttpResponse& response) {
  const auto& context = std::get<ContextSource>(request.source);
  json::Writer json;
  json.begin_object().member("digest", context.digest.to_string());
  json.member("media_type", context.media_type).end_object();
  respond_with_json(201, json.str(), response);
  return {};
}

/// All that can be refused is, before the context is sent.
Result<BuildRequest> context_request(const ApiCall& call, std::string_view type) {
  SLIPWAY_TRY(const RepositoryName repository, repository_of(call));
  const std::uint64_t most = call.api.options.max_context_bytes;
  if (call.request.content_length.value_or(0) > most)
    return Error(ErrorCode::too_large,
                 "the context is larger than " + std::to_string(most) + " bytes");
  return request_of_query(call.request, repository, type);
}

HttpAction take_context(const ApiCallPointer& call, SubmitBuild then, HttpResponse& response) {
  const std::string_view type = media_type::essence(call->request.field("content-type"));
  if (std::find(context_types.begin(), context_types.end(), type) == context_types.end()) {
    respond_with_error(
        Error(ErrorCode::invalid_argument,
              "Content-Type: expected application/x-tar, application/gzip or application/zstd for "
              "a context, or application/json for a build of another source"),
        response);
    return HttpDone();
  }
  auto request = context_request(*call, type);
  if (!request) {
    respond_with_error(request.error(), response);
    return HttpDone();
  }
  return HttpReceive{receive_context(call, std::move(*request), std::move(then)),
                     call->api.options.max_context_bytes};
}

}  // namespace

HttpAction submit_build(const ApiCallPointer& call, HttpResponse& response) {
  if (media_type::essence(call->request.field("content-type")) == media_type::json)
    return answer_body(call, max_json_bytes, submit_json);
  return take_context(call, submit_with_context, response);
}

HttpAction upload_context(const ApiCallPointer& call, HttpResponse& response) {
  return take_context(call, tell_context, response);
}

}  // namespace slipway
