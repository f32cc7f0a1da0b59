// GET, HEAD, PUT and DELETE of a manifest: end-3, end-7 and end-9.
#include <utility>

#include "http/oci_call.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

/// Tags that one push may set with `tag` parameters.
constexpr std::size_t most_tags = 32;

void respond_with_head(const OciCall& call, const ManifestInfo& info, HttpResponse& response) {
  if (answer_not_modified(call.request, info.digest, response)) return;
  response.add("Content-Type", info.media_type);
  add_digest_fields(info.digest, response);
  response.content_length = info.size;
}

/// With a write, which may block, where the manifest's lease is due.
HttpBlocking renew_and_answer(const OciParts& parts, OciCall call, Reference reference) {
  return HttpBlocking{
      [&parts, call = std::move(call), reference = std::move(reference)](HttpResponse& later) {
        const auto info = parts.registry.renew_manifest(call.repository, reference);
        if (!info) return parts.fail(info.error(), OciSubject::manifest, later);
        respond_with_head(call, *info, later);
      }};
}

/// Who is told that the manifest is here relies on it: he may push an index that names it.
HttpAction answer_head(const OciParts& parts, OciCall call, Reference reference,
                       HttpResponse& response) {
  if (parts.options.reads_may_block)
    return renew_and_answer(parts, std::move(call), std::move(reference));
  const auto info = parts.registry.lease_manifest(call.repository, reference);
  if (info && !*info) return renew_and_answer(parts, std::move(call), std::move(reference));
  if (info)
    respond_with_head(call, **info, response);
  else
    parts.fail(info.error(), OciSubject::manifest, response);
  return HttpDone();
}

void answer_get(const OciParts& parts, const OciCall& call, const Reference& reference,
                HttpResponse& response) {
  if (!call.request.field("If-None-Match").empty()) {
    const auto info = parts.registry.stat_manifest(call.repository, reference);
    if (!info) return parts.fail(info.error(), OciSubject::manifest, response);
    if (answer_not_modified(call.request, info->digest, response)) return;
  }
  const auto info = parts.registry.read_manifest(call.repository, reference, response.bytes());
  if (!info) return parts.fail(info.error(), OciSubject::manifest, response);
  response.add("Content-Type", info->media_type);
  add_digest_fields(info->digest, response);
  parts.counters.manifests_pulled.add();
}

void answer_delete(const OciParts& parts, const OciCall& call, const Reference& reference,
                   HttpResponse& response) {
  const auto gone =
      parts.registry.delete_manifest(call.repository, reference, call.identity.guard);
  if (!gone) return parts.fail(gone.error(), OciSubject::manifest, response);
  response.status = 202;
}

/// The `tag` parameters of a push. Errors: invalid_argument.
Result<std::vector<Tag>> more_tags(std::string_view query) {
  std::vector<Tag> tags;
  const auto parameters = parse_query(query);
  if (!parameters) return Error(ErrorCode::invalid_argument, "the query is malformed");
  for (const QueryParameter& parameter : *parameters) {
    if (parameter.name != "tag") continue;
    if (tags.size() == most_tags)
      return Error(ErrorCode::invalid_argument,
                   slipway::format("a push sets at most {} tags at once", most_tags));
    SLIPWAY_TRY(Tag tag, Tag::parse(parameter.value));
    tags.push_back(std::move(tag));
  }
  return tags;
}

void put(const OciParts& parts, const OciCall& call, const Reference& reference,
         const std::vector<Tag>& tags, std::string_view bytes, HttpResponse& response) {
  const auto pushed = parts.registry.put_manifest(call.repository, reference, bytes,
                                                  call.request.field("Content-Type"),
                                                  call.identity.guard, tags);
  if (!pushed) return parts.fail(pushed.error(), OciSubject::manifest_content, response);
  const std::string digest = pushed->manifest.digest.to_string();
  response.status = 201;
  response.add("Location", oci_path(call.repository, "/manifests/", digest));
  response.add("Docker-Content-Digest", digest);
  if (pushed->subject) response.add("OCI-Subject", pushed->subject->to_string());
  for (const Tag& tag : tags) response.add("OCI-Tag", tag.str());
  parts.counters.manifests_pushed.add();
}

HttpAction answer_put(const OciParts& parts, OciCall call, Reference reference,
                      HttpResponse& response) {
  const std::uint64_t limit = parts.options.max_manifest_bytes;
  auto tags = more_tags(call.request.query());
  if (!tags) {
    parts.fail(tags.error(), OciSubject::manifest_content, response);
    return HttpDone();
  }
  if (call.request.content_length.value_or(0) > limit) {
    parts.fail(Error(ErrorCode::too_large,
                     slipway::format("a manifest has at most {} bytes", limit)),
               OciSubject::manifest_content, response);
    return HttpDone();
  }
  auto finish = [&parts, call = std::move(call), reference = std::move(reference),
                 tags = std::move(*tags)](std::string&& bytes, HttpResponse& later) {
    put(parts, call, reference, tags, bytes, later);
  };
  auto fail = [&parts](const Error& error, HttpResponse& later) {
    parts.fail(error, OciSubject::manifest_content, later);
  };
  return HttpReceive{receive_whole_body(limit, std::move(finish), std::move(fail)), limit, true};
}

}  // namespace

HttpAction answer_manifest(const OciParts& parts, OciCall call, std::string_view text,
                           HttpResponse& response) {
  auto reference = parse_reference(text);
  if (!reference) {
    const bool digest = text.find(':') != std::string_view::npos;
    parts.fail(reference.error(), digest ? OciSubject::digest : OciSubject::manifest, response);
    return HttpDone();
  }
  if (call.request.method == HttpMethod::put)
    return answer_put(parts, std::move(call), std::move(*reference), response);

  if (call.head()) return answer_head(parts, std::move(call), std::move(*reference), response);
  const bool deletes = call.request.method == HttpMethod::delete_;
  if (!deletes && !parts.options.reads_may_block) {
    answer_get(parts, call, *reference, response);
    return HttpDone();
  }
  return HttpBlocking{[&parts, deletes, call = std::move(call),
                       reference = std::move(*reference)](HttpResponse& later) {
    (deletes ? answer_delete : answer_get)(parts, call, reference, later);
  }};
}

}  // namespace slipway
