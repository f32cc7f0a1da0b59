// GET, PATCH, PUT and DELETE of an upload: end-5, end-6, end-13 and its cancellation.
#include <utility>

#include "http/oci_call.hpp"
#include "http/oci_upload_receiver.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

void answer_status(const OciParts& parts, const OciCall& call, std::string_view upload,
                   HttpResponse& response) {
  const auto size = parts.registry.upload_size(call.repository, upload);
  if (!size) return parts.fail(size.error(), OciSubject::upload, response);
  response.status = 204;
  add_upload_fields(call.repository, upload, *size, response);
}

void answer_cancel(const OciParts& parts, const OciCall& call, std::string_view upload,
                   HttpResponse& response) {
  const auto gone = parts.registry.cancel_upload(call.repository, upload);
  if (!gone) return parts.fail(gone.error(), OciSubject::upload, response);
  parts.counters.uploads_cancelled.add();
  response.status = 204;
}

/// Errors: invalid_argument.
Result<std::optional<ByteRange>> content_range(const HttpRequest& request) {
  const std::string_view text = request.field("Content-Range");
  if (text.empty()) return std::optional<ByteRange>();
  SLIPWAY_TRY(const ByteRange range, parse_upload_range(text));
  if (request.content_length && *request.content_length != range.length)
    return Error(ErrorCode::invalid_argument,
                 slipway::format("Content-Range says {} bytes, Content-Length {}", range.length,
                                 *request.content_length));
  return std::optional(range);
}

/// Fills the response when the upload cannot be written to, before its body is asked for.
bool refused(const OciParts& parts, const OciCall& call, const UploadStep& step,
             HttpResponse& response) {
  const auto open = parts.registry.check_upload(call.repository, step.upload);
  if (open) return false;
  if (step.digest) {
    const auto result = parts.registry.upload_result(call.repository, step.upload);
    if (result && result->digest == *step.digest) {  // its first answer was lost
      respond_blob_created(call.repository, result->digest, response);
      return true;
    }
  }
  parts.fail(open.error(), OciSubject::upload, response);
  return true;
}

HttpAction answer_step(const OciParts& parts, OciCall call, std::string_view upload,
                       HttpResponse& response) {
  UploadStep step{std::string(upload), {}, {}};
  if (call.request.method == HttpMethod::put) {
    const auto digest =
        Digest::parse(query_parameter(call.request.query(), "digest").value_or(""));
    if (!digest) {
      parts.fail(digest.error(), OciSubject::digest, response);
      return HttpDone();
    }
    step.digest = *digest;
  }
  const auto range = content_range(call.request);
  if (!range) {
    parts.fail(range.error(), OciSubject::upload, response);
    return HttpDone();
  }
  step.range = *range;
  if (!parts.options.reads_may_block && refused(parts, call, step, response)) return HttpDone();
  return receive_step(parts, std::move(call), std::move(step));
}

}  // namespace

HttpAction answer_upload(const OciParts& parts, OciCall call, std::string_view upload,
                         HttpResponse& response) {
  const HttpMethod method = call.request.method;
  if (method == HttpMethod::patch || method == HttpMethod::put)
    return answer_step(parts, std::move(call), upload, response);
  const auto answer = method == HttpMethod::delete_ ? answer_cancel : answer_status;
  return HttpBlocking{[&parts, answer, call = std::move(call),
                       id = std::string(upload)](HttpResponse& later) {
    answer(parts, call, id, later);
  }};
}

}  // namespace slipway
