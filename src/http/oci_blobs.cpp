// GET, HEAD and DELETE of a blob: end-2 and end-10.
#include <utility>
#include <vector>

#include <slipway/core/media_type.hpp>
#include <slipway/support/hasher.hpp>

#include "http/byte_range_parts.hpp"
#include "http/oci_call.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

/// A boundary as long as makes it certain that no blob has it within.
constexpr std::size_t boundary_bytes = 16;

/// What is to be sent of a blob.
struct Asked {
  bool refused = false;  // the response is filled
  ByteRange range = {};  // where it is one
  std::vector<ByteRange> several = {};  // else; disjoint
};

Asked asked_ranges(const OciParts& parts, const HttpRequest& request, const BlobInfo& blob,
                   HttpResponse& response) {
  const ByteRange whole{0, blob.size};
  const std::string_view header = request.field("Range");
  if (header.empty()) return {.range = whole};
  const std::string_view condition = request.field("If-Range");  // RFC 9110 section 13.1.5
  if (!condition.empty() && condition != "\"" + blob.digest.to_string() + "\"")
    return {.range = whole};

  const auto ranges = parse_range_header(header, blob.size);
  if (!ranges) {
    response.add("Content-Range", slipway::format("bytes */{}", blob.size));
    parts.fail(ranges.error(), OciSubject::blob, response);
    return {.refused = true};
  }
  if (!*ranges) return {.range = whole};
  response.status = 206;
  std::vector<ByteRange> disjoint = join_ranges(**ranges);
  if (disjoint.size() > 1) return {.several = std::move(disjoint)};
  const ByteRange range = disjoint.front();
  response.add("Content-Range",
               slipway::format("bytes {}-{}/{}", range.offset, range.end() - 1, blob.size));
  return {.range = range};
}

void add_blob_fields(std::string_view type, const BlobInfo& blob, HttpResponse& response) {
  response.add("Content-Type", type);
  response.add("Accept-Ranges", "bytes");
  add_digest_fields(blob.digest, response);
}

/// Adds the response's fields; answers what its body consists of.
std::vector<ObjectPartsBody::Part> begin_several(const BlobInfo& blob,
                                                 const std::vector<ByteRange>& ranges,
                                                 HttpResponse& response) {
  const std::string boundary = random_hex(boundary_bytes);
  add_blob_fields(byte_ranges_type(boundary), blob, response);
  return byte_range_parts(ranges, media_type::octet_stream, blob.size, boundary);
}

/// The bytes are in the response already.
void send_small_blob(const OciParts& parts, const HttpRequest& request, const BlobInfo& blob,
                     HttpResponse& response) {
  if (answer_not_modified(request, blob.digest, response)) return;
  const Asked asked = asked_ranges(parts, request, blob, response);
  if (asked.refused) return;
  std::string& bytes = response.bytes();
  if (asked.several.empty()) {
    bytes.resize(static_cast<std::size_t>(asked.range.end()));
    bytes.erase(0, static_cast<std::size_t>(asked.range.offset));
    add_blob_fields(media_type::octet_stream, blob, response);
  } else {
    std::string body;
    for (const auto& [text, range] : begin_several(blob, asked.several, response))
      body.append(text).append(bytes, static_cast<std::size_t>(range.offset),
                               static_cast<std::size_t>(range.length));
    bytes = std::move(body);
  }
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
  const Asked asked = asked_ranges(parts, call.request, blob->info, response);
  if (asked.refused) return;
  auto& object = std::get<std::shared_ptr<const Object>>(blob->content);
  if (asked.several.empty()) {
    add_blob_fields(media_type::octet_stream, blob->info, response);
    response.body() = ObjectBody{std::move(object), asked.range};
  } else {
    auto several = begin_several(blob->info, asked.several, response);
    response.body() = ObjectPartsBody{std::move(object), std::move(several)};
  }
  parts.counters.blobs_pulled.add();
}

void respond_with_head(const OciCall& call, const BlobInfo& blob, HttpResponse& response) {
  if (answer_not_modified(call.request, blob.digest, response)) return;
  add_blob_fields(media_type::octet_stream, blob, response);
  response.content_length = blob.size;
}

/// With a write, which may block, where the blob's lease is due.
HttpBlocking renew_and_answer(const OciParts& parts, OciCall call, const Digest& digest) {
  return HttpBlocking{[&parts, call = std::move(call), digest](HttpResponse& later) {
    const auto blob = parts.registry.renew_blob(call.repository, digest);
    if (!blob) return parts.fail(blob.error(), OciSubject::blob, later);
    respond_with_head(call, *blob, later);
  }};
}

/// Who is told that the blob is here relies on it: he does not send it before he pushes a manifest.
HttpAction answer_head(const OciParts& parts, OciCall call, const Digest& digest,
                       HttpResponse& response) {
  if (parts.options.reads_may_block) return renew_and_answer(parts, std::move(call), digest);
  const auto blob = parts.registry.lease_blob(call.repository, digest);
  if (blob && !*blob) return renew_and_answer(parts, std::move(call), digest);
  if (blob)
    respond_with_head(call, **blob, response);
  else
    parts.fail(blob.error(), OciSubject::blob, response);
  return HttpDone();
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
  if (call.head()) return answer_head(parts, std::move(call), *digest, response);
  return answer_get(parts, std::move(call), *digest, response);
}

}  // namespace slipway
