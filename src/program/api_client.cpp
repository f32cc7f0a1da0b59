#include "program/api_client.hpp"

#include <slipway/http/handler.hpp>

#include <array>

#include "build/build_json.hpp"
#include "config/configuration.hpp"
#include "json/value.hpp"

namespace slipway {
namespace {

/// How long an upload may take, its answer included; a server that stalls is found by TCP.
constexpr std::chrono::hours upload_timeout{24};

constexpr std::array all_codes{
    ErrorCode::invalid_argument, ErrorCode::not_found,       ErrorCode::already_exists,
    ErrorCode::conflict,         ErrorCode::range_mismatch,  ErrorCode::digest_mismatch,
    ErrorCode::unauthenticated,  ErrorCode::denied,          ErrorCode::quota_exceeded,
    ErrorCode::unsupported,      ErrorCode::too_large,       ErrorCode::cancelled,
    ErrorCode::timed_out,        ErrorCode::unavailable,     ErrorCode::corrupt,
    ErrorCode::io,               ErrorCode::internal};

/// What an answer says when it is no problem document: a proxy's, say.
ErrorCode code_of_status(int status) {
  switch (status) {
    case 401: return ErrorCode::unauthenticated;
    case 403: return ErrorCode::denied;
    case 404: return ErrorCode::not_found;
    case 502:
    case 503:
    case 504: return ErrorCode::unavailable;
    default: return ErrorCode::io;
  }
}

Error error_of(const OutgoingRequest& request, const IncomingResponse& response) {
  Error error(code_of_status(response.status),
              slipway::format("{} {} was answered with status {}", to_string(request.method),
                              request.url, response.status));
  const auto problem = json::Document::parse(response.body);
  if (!problem) return error;
  const std::string_view detail = problem->root().find("detail").text();
  const std::string_view code_text = problem->root().find("code").text();
  if (!detail.empty()) error.message = detail;
  for (const ErrorCode code : all_codes)
    if (to_string(code) == code_text) error.code = code;
  return error;
}

}  // namespace

ApiClient::ApiClient(std::string url, std::string token, std::unique_ptr<HttpTransport> transport)
    : url_(std::move(url)), token_(std::move(token)), transport_(std::move(transport)) {}

Result<ApiClient> ApiClient::make(const ClientOptions& options) {
  if (options.url.empty())
    return Error(ErrorCode::invalid_argument,
                 "expected the server's URL, by --url or SLIPWAY_URL");
  auto url = parse_server_url(options.url);
  if (!url)
    return Error(ErrorCode::invalid_argument,
                 slipway::format("--url: expected {}, got \"{}\"", expected_server_url,
                                 options.url));
  if (options.token.find_first_of("\r\n") != std::string::npos)
    return Error(ErrorCode::invalid_argument, "--token: expected one line");
  TransportOptions transport_options;
  transport_options.ca_file = options.ca;
  transport_options.certificate = options.certificate;
  transport_options.key = options.key;
  transport_options.user_agent = "slipway/" SLIPWAY_VERSION;
  SLIPWAY_TRY(auto transport, make_http_transport(transport_options));
  return ApiClient(std::move(*url), options.token, std::move(transport));
}

OutgoingRequest ApiClient::request(HttpMethod method, std::string_view path) const {
  OutgoingRequest request;
  request.method = method;
  request.url = url_;
  request.url.append(path);
  request.fields.emplace_back("Accept", "application/json");
  if (!token_.empty()) request.fields.emplace_back("Authorization", "Bearer " + token_);
  return request;
}

Result<IncomingResponse> ApiClient::exchange(const OutgoingRequest& request,
                                             const BodySink& sink) const {
  SLIPWAY_TRY(IncomingResponse response, transport_->send(request, sink));
  if (response.status < 200 || response.status > 299) return error_of(request, response);
  return response;
}

Result<std::string> ApiClient::send(const OutgoingRequest& request, const BodySink& sink) const {
  SLIPWAY_TRY(IncomingResponse response, exchange(request, sink));
  return std::move(response.body);
}

Result<void> ApiClient::get_pages(
    std::string_view path, const std::function<Result<void>(const std::string&)>& take) const {
  for (std::string next(path); !next.empty();) {
    SLIPWAY_TRY(const IncomingResponse response, exchange(request(HttpMethod::get, next)));
    SLIPWAY_CHECK(take(response.body));
    const std::string_view link = next_page(response);
    if (!link.empty() && !link.starts_with('/'))
      return Error(ErrorCode::invalid_argument,
                   slipway::format("{}: the next page is on another server", next));
    next = link;
  }
  return {};
}

RegistryClient ApiClient::registry(RepositoryName repository) const {
  return RegistryClient(*transport_, url_, token_, std::move(repository));
}

Result<std::string> ApiClient::get(std::string_view path, const BodySink& sink) const {
  return send(request(HttpMethod::get, path), sink);
}

Result<std::string> ApiClient::post(std::string_view path, std::string_view json) const {
  OutgoingRequest outgoing = request(HttpMethod::post, path);
  if (!json.empty()) outgoing.fields.emplace_back("Content-Type", "application/json");
  outgoing.body = json;
  return send(outgoing);
}

Result<std::string> ApiClient::remove(std::string_view path) const {
  return send(request(HttpMethod::delete_, path));
}

Result<std::string> ApiClient::post(std::string_view path, Upload upload) const {
  OutgoingRequest outgoing = request(HttpMethod::post, path);
  outgoing.fields.emplace_back("Content-Type", std::move(upload.content_type));
  outgoing.body_source = std::move(upload.source);
  outgoing.body_size = upload.size;
  outgoing.timeout = upload_timeout;
  return send(outgoing);
}

Result<Build> ApiClient::build(std::string_view id) const {
  SLIPWAY_TRY(const std::string json, get("/api/v1/builds/" + path_part(id)));
  return parse_build(json);
}

std::string path_part(std::string_view text) { return percent_encode(text, "/"); }

ExitStatus with_client(const ClientOptions& options,
                       const std::function<Result<ExitStatus>(const ApiClient&)>& run) {
  const auto client = ApiClient::make(options);
  if (!client) return report_wrong_usage(client.error().message);
  const auto status = run(*client);
  return status ? *status : report_failure(status.error());
}

}  // namespace slipway
