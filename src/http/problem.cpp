#include "http/problem.hpp"

#include <slipway/core/media_type.hpp>

#include "http/status.hpp"
#include "json/writer.hpp"

namespace slipway {

int http_status(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument: return 400;
    case ErrorCode::not_found: return 404;
    case ErrorCode::already_exists: return 409;
    case ErrorCode::conflict: return 409;
    case ErrorCode::range_mismatch: return 416;
    case ErrorCode::digest_mismatch: return 400;
    case ErrorCode::unauthenticated: return 401;
    case ErrorCode::denied: return 403;
    case ErrorCode::quota_exceeded: return 507;
    case ErrorCode::unsupported: return 422;
    case ErrorCode::too_large: return 413;
    case ErrorCode::cancelled: return 503;
    case ErrorCode::timed_out: return 504;
    case ErrorCode::unavailable: return 503;
    case ErrorCode::corrupt: return 500;
    case ErrorCode::io: return 500;
    case ErrorCode::internal: return 500;
  }
  return 500;
}

int refusal_status(ErrorCode code) noexcept {
  return code == ErrorCode::timed_out ? 408 : http_status(code);
}

void respond_with_problem(int status, const Error& error, HttpResponse& response) {
  response.status = status;
  response.add("Content-Type", media_type::problem_json);
  if (status == 503) response.add("Retry-After", 1);
  json::Writer json;
  json.begin_object().member("title", reason_phrase(status)).key("status").number(status);
  json.member("detail", error.message).member("code", to_string(error.code)).end_object();
  response.bytes() = json.str();
}

void respond_with_problem(const Error& error, HttpResponse& response) {
  respond_with_problem(http_status(error.code), error, response);
}

}  // namespace slipway
