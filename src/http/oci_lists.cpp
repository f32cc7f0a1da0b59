// Tags, referrers and the catalog: end-8, end-12, end-13, and Docker's.
#include <charconv>
#include <utility>

#include <slipway/core/media_type.hpp>
#include <slipway/image/manifest.hpp>

#include "http/oci_call.hpp"
#include "http/visible_repositories.hpp"
#include "json/writer.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

struct Paging {
  std::size_t limit;
  std::string last;
};

/// Errors: invalid_argument.
Result<Paging> paging(const HttpRequest& request, std::size_t most) {
  Paging wanted{most, query_parameter(request.query(), "last").value_or("")};
  const auto text = query_parameter(request.query(), "n");
  if (!text) return wanted;
  std::size_t n = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, n);
  if (error != std::errc() || stop != end)
    return Error(ErrorCode::invalid_argument,
                 slipway::format("n is \"{}\"; expected a whole number", text->substr(0, 64)));
  wanted.limit = std::min(n, most);
  return wanted;
}

/// RFC 8288: the same path, going on behind `last`.
void add_next_link(const HttpRequest& request, std::string_view last, HttpResponse& response) {
  std::string link = "<";
  link.append(request.path()).append("?last=").append(percent_encode(last));
  for (const std::string_view name : {"n", "artifactType"})
    if (const auto value = query_parameter(request.query(), name))
      link.append("&").append(name).append("=").append(percent_encode(*value));
  response.add("Link", link.append(">; rel=\"next\""));
}

void respond_with_list(std::string_view type, json::Writer json, bool head,
                       HttpResponse& response) {
  response.add("Content-Type", type);
  response.bytes() = json.take();
  if (head) drop_body(response);
}

void list_tags(const OciParts& parts, const OciCall& call, HttpResponse& response) {
  const auto wanted = paging(call.request, parts.options.page_size);
  if (!wanted) return parts.fail(wanted.error(), OciSubject::list, response);
  const auto page = parts.registry.tags(call.repository, wanted->last, wanted->limit);
  if (!page) return parts.fail(page.error(), OciSubject::list, response);
  if (page->more && !page->tags.empty()) add_next_link(call.request, page->tags.back(), response);

  json::Writer json;
  json.begin_object().member("name", call.repository.str()).key("tags").begin_array();
  for (const std::string& tag : page->tags) json.string(tag);
  json.end_array().end_object();
  respond_with_list(media_type::json, std::move(json), call.head(), response);
}

void list_repositories(const OciParts& parts, const HttpRequest& request, const Identity& identity,
                       HttpResponse& response) {
  const auto wanted = paging(request, parts.options.page_size);
  if (!wanted) return parts.fail(wanted.error(), OciSubject::list, response);
  const auto page =
      visible_repositories(parts.registry, parts.policy, *oci_need(OciRoute::catalog, request.method),
                           identity, {{}, wanted->last, wanted->limit});
  if (!page) return parts.fail(page.error(), OciSubject::list, response);
  if (page->more && !page->repositories.empty())
    add_next_link(request, page->repositories.back(), response);

  json::Writer json;
  json.begin_object().key("repositories").begin_array();
  for (const std::string& name : page->repositories) json.string(name);
  json.end_array().end_object();
  respond_with_list(media_type::json, std::move(json), request.method == HttpMethod::head,
                    response);
}

void list_referrers(const OciParts& parts, const OciCall& call, const Digest& subject,
                    HttpResponse& response) {
  const auto wanted = paging(call.request, parts.options.page_size);
  if (!wanted) return parts.fail(wanted.error(), OciSubject::list, response);
  std::optional<Digest> last;
  if (!wanted->last.empty()) {
    const auto parsed = Digest::parse(wanted->last);
    if (!parsed) return parts.fail(parsed.error(), OciSubject::digest, response);
    last = *parsed;
  }
  const auto type = query_parameter(call.request.query(), "artifactType");
  const auto page = parts.registry.referrers(call.repository, subject, type.value_or(""), last,
                                             wanted->limit);
  if (!page) return parts.fail(page.error(), OciSubject::list, response);
  if (page->more && !page->referrers.empty())
    add_next_link(call.request, page->referrers.back().digest.to_string(), response);
  if (type && !type->empty()) response.add("OCI-Filters-Applied", "artifactType");

  json::Writer json;
  json.begin_object().key("schemaVersion").number(2).member("mediaType", media_type::oci_index);
  json.key("manifests").begin_array();
  for (const Descriptor& referrer : page->referrers) json.raw(to_json(referrer));
  json.end_array().end_object();
  respond_with_list(media_type::oci_index, std::move(json), call.head(), response);
}

}  // namespace

HttpAction answer_tags(const OciParts& parts, OciCall call) {
  return HttpBlocking{[&parts, call = std::move(call)](HttpResponse& later) {
    list_tags(parts, call, later);
  }};
}

HttpAction answer_catalog(const OciParts& parts, const HttpRequest& request, Identity identity) {
  return HttpBlocking{
      [&parts, &request, identity = std::move(identity)](HttpResponse& later) {
        list_repositories(parts, request, identity, later);
      }};
}

HttpAction answer_referrers(const OciParts& parts, OciCall call, std::string_view reference,
                            HttpResponse& response) {
  const auto digest = Digest::parse(reference);
  if (!digest) {
    parts.fail(digest.error(), OciSubject::digest, response);
    return HttpDone();
  }
  return HttpBlocking{
      [&parts, call = std::move(call), digest = *digest](HttpResponse& later) {
        list_referrers(parts, call, digest, later);
      }};
}

}  // namespace slipway
