// GET, HEAD and DELETE of a blob: end-2 and end-10.
#include <utility>

#include <slipway/core/media_type.hpp>

#include "http/oci_call.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

/// What is to be sent of a blob; nullopt: its range is refused and the response is filled.
std::optional<ByteRange> asked_range(const OciParts& parts, const HttpRequest& request,
                                     const BlobInfo& blob, HttpResponse& response) {
  const ByteRange whole{0, blob.size};
  const std::string_view header = request.field("Range");
  if (header.empty()) return whole;
  const std::string_view condition = request.field("If-Range");  // RFC 9110 section 13.1.5
  if (!condition.empty() && condition != "\"" + blob.digest.to_string() + "\"") return whole;

  const auto ranges = parse_range_header(header, blob.size);
  if (!ranges) {
    response.add("Content-Range", slipway::format("bytes */{}", blob.size));
    parts.fail(ranges.error(), OciSubject::blob, response);
    return std::nullopt;
  }
  if (!*ranges || (*ranges)->size() != 1) return whole;
  const ByteRange range = (*ranges)->front();
  response.status = 206;
  response.add("Content-Range", slipway::format("bytes {}-{}/{}", range.offset, range.end() - 1,
                                                blob.size));
  return range;
}

void add_blob_fields(const BlobInfo& blob, HttpResponse& response) {
  response.add("Content-Type", media_type::octet_stream);
  response.add("Accept-Ranges", "bytes");
  add_digest_fields(blob.digest, response);
}

/// The bytes are in the response already.
void send_small_blob(const OciParts& parts, const HttpRequest& request, const BlobInfo& blob,
                     HttpResponse& response) {
  if (answer_not_modified(request, blob.digest, response)) return;
  const auto range = asked_range(parts, request, blob, response);
  if (!range) return;
  std::string& bytes = response.bytes();
  bytes.resize(static_cast<std::size_t>(range->end()));
  bytes.erase(0, static_cast<std::size_t>(range->offset));
  add_blob_fields(blob, response);
  parts.counters.blobs_pulled.add();
}

void send_large_blob(const OciParts& parts, const OciCall& call, const Digest& digest,
                     HttpResponse& response) {
  auto blob = parts.registry.open_blob(call.repository, digest);
  if (!blob) return parts.fail(blob.error(), OciSubject::blob, response);
  if (auto* bytes = std::get_if<std::string>(&blob->content)) {
    response.bytes() = std::move(*bytes);
    return send_small_blob(parts, call.request, blob->info, response);
  }
  if (answer_not_modified(call.request, digest, response)) return;
  const auto range = asked_range(parts, call.request, blob->info, response);
  if (!range) return;
  add_blob_fields(blob->info, response);
  auto& object = std::get<std::shared_ptr<const Object>>(blob->content);
  response.body() = ObjectBody{std::move(object), *range};
  parts.counters.blobs_pulled.add();
}

void answer_head(const OciParts& parts, const OciCall& call, const Digest& digest,
                 HttpResponse& response) {
  const auto blob = parts.registry.stat_blob(call.repository, digest);
  if (!blob) return parts.fail(blob.error(), OciSubject::blob, response);
  if (answer_not_modified(call.request, digest, response)) return;
  add_blob_fields(*blob, response);
  response.content_length = blob->size;
}

HttpBlocking answer_large(const OciParts& parts, OciCall call, const Digest& digest) {
  return HttpBlocking{[&parts, call = std::move(call), digest](HttpResponse& later) {
    send_large_blob(parts, call, digest, later);
  }};
}

HttpAction answer_get(const OciParts& parts, OciCall call, const Digest& digest,
                      HttpResponse& response) {
  if (parts.options.reads_may_block) return answer_large(parts, std::move(call), digest);
  const auto blob = parts.registry.read_small_blob(call.repository, digest, response.bytes());
  if (!blob) {
    parts.fail(blob.error(), OciSubject::blob, response);
  } else if (*blob) {
    send_small_blob(parts, call.request, **blob, response);
  } else {
    return answer_large(parts, std::move(call), digest);
  }
  return HttpDone();
}

}  // namespace

HttpAction answer_blob(const OciParts& parts, OciCall call, std::string_view reference,
                       HttpResponse& response) {
  const auto digest = Digest::parse(reference);
  if (!digest) {
    parts.fail(digest.error(), OciSubject::digest, response);
    return HttpDone();
  }
  if (call.request.method == HttpMethod::delete_)
    return HttpBlocking{
        [&parts, call = std::move(call), digest = *digest](HttpResponse& later) {
          const auto gone =
              parts.registry.delete_blob(call.repository, digest, call.identity.guard);
          if (!gone) return parts.fail(gone.error(), OciSubject::blob, later);
          later.status = 202;
        }};
  if (!call.head()) return answer_get(parts, std::move(call), *digest, response);
  if (parts.options.reads_may_block)
    return HttpBlocking{
        [&parts, call = std::move(call), digest = *digest](HttpResponse& later) {
          answer_head(parts, call, digest, later);
        }};
  answer_head(parts, call, *digest, response);
  return HttpDone();
}

}  // namespace slipway
