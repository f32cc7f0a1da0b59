// Errors of /v2/: the one place where Slipway's error codes become the specification's.
//
// {"errors":[{"code":"BLOB_UNKNOWN","message":"…"}]}: OCI distribution specification 1.1.1, "Error
// Codes". The same error means another code for a blob than for a manifest, hence OciSubject.
//
// Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>

#include <slipway/core/result.hpp>
#include <slipway/http/message.hpp>

namespace slipway {

/// What a request was about when it failed.
enum class OciSubject {
  name,              // a repository's name, or the repository
  digest,            // a digest in the request
  blob,
  upload,
  manifest,
  manifest_content,  // what a pushed manifest says and names
  list,              // parameters of a list
};

struct OciError {
  int status;
  std::string_view code;
};

OciError oci_error(ErrorCode code, OciSubject subject) noexcept;

/// Fills the body; what else the response has stays.
void respond_with_oci_error(OciError error, std::string_view message, HttpResponse& response);

/// For clients: "CODE: message" of the first error in such a body, whoever sent it; empty when there
/// is none.
std::string oci_error_text(std::string_view body);

}  // namespace slipway
