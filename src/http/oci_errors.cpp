#include "http/oci_errors.hpp"

#include <slipway/core/media_type.hpp>
#include <slipway/http/handler.hpp>

#include "json/value.hpp"
#include "json/writer.hpp"

namespace slipway {
namespace {

std::string_view not_found_code(OciSubject subject) noexcept {
  switch (subject) {
    case OciSubject::blob: return "BLOB_UNKNOWN";
    case OciSubject::upload: return "BLOB_UPLOAD_UNKNOWN";
    case OciSubject::manifest: return "MANIFEST_UNKNOWN";
    case OciSubject::manifest_content: return "MANIFEST_BLOB_UNKNOWN";
    case OciSubject::name:
    case OciSubject::digest:
    case OciSubject::list: break;
  }
  return "NAME_UNKNOWN";
}

std::string_view invalid_code(OciSubject subject) noexcept {
  switch (subject) {
    case OciSubject::name: return "NAME_INVALID";
    case OciSubject::digest:
    case OciSubject::blob: return "DIGEST_INVALID";
    case OciSubject::upload: return "BLOB_UPLOAD_INVALID";
    case OciSubject::manifest:
    case OciSubject::manifest_content: return "MANIFEST_INVALID";
    case OciSubject::list: break;
  }
  return "PAGINATION_NUMBER_INVALID";
}

}  // namespace

OciError oci_error(ErrorCode code, OciSubject subject) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::unsupported: return {400, invalid_code(subject)};
    case ErrorCode::not_found: return {404, not_found_code(subject)};
    case ErrorCode::digest_mismatch: return {400, "DIGEST_INVALID"};
    case ErrorCode::range_mismatch:
      return {416, subject == OciSubject::upload ? "BLOB_UPLOAD_INVALID" : "SIZE_INVALID"};
    case ErrorCode::conflict:
      return {409, subject == OciSubject::upload ? "BLOB_UPLOAD_INVALID" : "DENIED"};
    case ErrorCode::too_large: return {413, "SIZE_INVALID"};
    case ErrorCode::unauthenticated: return {401, "UNAUTHORIZED"};
    case ErrorCode::denied:
    case ErrorCode::quota_exceeded: return {http_status(code), "DENIED"};
    case ErrorCode::unavailable: return {http_status(code), "TOOMANYREQUESTS"};
    case ErrorCode::already_exists:
    case ErrorCode::cancelled:
    case ErrorCode::timed_out:
    case ErrorCode::corrupt:
    case ErrorCode::io:
    case ErrorCode::internal: break;
  }
  return {http_status(code), "UNKNOWN"};
}

void respond_with_oci_error(OciError error, std::string_view message, HttpResponse& response) {
  json::Writer json;
  json.begin_object().key("errors").begin_array().begin_object();
  json.member("code", error.code).member("message", message);
  json.end_object().end_array().end_object();
  response.status = error.status;
  response.content_length.reset();
  response.add("Content-Type", media_type::json);
  if (error.status == 503) response.add("Retry-After", std::uint64_t{1});
  response.bytes() = json.str();
}

std::string oci_error_text(std::string_view body) {
  constexpr std::size_t longest = 500;
  const auto document = json::Document::parse(body);
  if (!document) return {};
  for (const json::Value error : document->root().find("errors").elements())
    return std::string(error.find("code").text().substr(0, longest))
        .append(": ")
        .append(error.find("message").text().substr(0, longest));
  return {};
}

}  // namespace slipway
