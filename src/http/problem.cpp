#include "http/problem.hpp"

#include <slipway/core/media_type.hpp>

#include "http/status.hpp"

namespace slipway {
namespace {

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      out.append("\\u00").push_back(digits[byte >> 4U]);
      out.push_back(digits[byte & 0xFU]);
      continue;
    }
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
}

}  // namespace

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

void respond_with_problem(int status, const Error& error, HttpResponse& response) {
  response.status = status;
  response.add("Content-Type", media_type::problem_json);
  if (status == 503) response.add("Retry-After", 1);
  std::string& body = response.bytes();
  body = R"({"title":)";
  append_json_string(body, reason_phrase(status));
  body.append(R"(,"status":)").append(std::to_string(status)).append(R"(,"detail":)");
  append_json_string(body, error.message);
  body.append(R"(,"code":)");
  append_json_string(body, to_string(error.code));
  body.push_back('}');
}

void respond_with_problem(const Error& error, HttpResponse& response) {
  respond_with_problem(http_status(error.code), error, response);
}

}  // namespace slipway
