// What the functions behind the routes of /v2/ share.
//
// A function answers one route. It runs on an I/O thread, already knows that the caller may do it,
// and answers there (point reads), or hands back what may block.
//
// Thread safety: OciParts is used from many threads at once; an OciCall belongs to one request.
#pragma once

#include <string>
#include <string_view>

#include <slipway/auth/access_policy.hpp>
#include <slipway/http/handler.hpp>
#include <slipway/http/oci_handler.hpp>
#include <slipway/registry/registry.hpp>

#include "http/oci_errors.hpp"
#include "http/oci_routes.hpp"

namespace slipway {

/// The handler's counters, looked up once.
struct OciCounters {
  explicit OciCounters(Metrics& metrics);

  Gauge& uploads_active;
  Counter& uploads_begun;
  Counter& uploads_cancelled;
  Counter& blobs_pushed;
  Counter& blob_bytes_pushed;
  Counter& blobs_mounted;
  Counter& manifests_pushed;
  Counter& blobs_pulled;
  Counter& manifests_pulled;
};

/// What a handler owns. Outlives its calls.
struct OciParts {
  Registry& registry;
  const AccessPolicy& policy;
  const OciHandlerOptions& options;
  Log& log;
  OciCounters counters;

  /// Answers an error; what is ours to mend is logged, and the client is not told its details.
  void fail(const Error& error, OciSubject subject, HttpResponse& response) const;
};

/// Copied into what runs later; the request stays valid until the response was sent.
struct OciCall {
  const HttpRequest& request;
  Identity identity;
  RepositoryName repository;

  [[nodiscard]] bool head() const noexcept { return request.method == HttpMethod::head; }
};

// Each answers all methods of its route. `reference` is a view that ends with the call.
HttpAction answer_blob(const OciParts& parts, OciCall call, std::string_view reference,
                       HttpResponse& response);
HttpAction answer_manifest(const OciParts& parts, OciCall call, std::string_view reference,
                           HttpResponse& response);
HttpAction answer_uploads(const OciParts& parts, OciCall call, HttpResponse& response);
HttpAction answer_upload(const OciParts& parts, OciCall call, std::string_view reference,
                         HttpResponse& response);
HttpAction answer_tags(const OciParts& parts, OciCall call);
HttpAction answer_referrers(const OciParts& parts, OciCall call, std::string_view reference,
                            HttpResponse& response);
HttpAction answer_catalog(const OciParts& parts, const HttpRequest& request, Identity identity);

// ---- fields that several routes write ----

/// "/v2/<repository><path><reference>", which needs no escapes.
std::string oci_path(const RepositoryName& repository, std::string_view path,
                     std::string_view reference);
/// Docker-Content-Digest and ETag. RFC 9110 section 8.8.3: a digest is a strong validator.
void add_digest_fields(const Digest& digest, HttpResponse& response);
/// Does If-None-Match name this digest? Then the response is a 304. RFC 9110 section 13.1.2.
bool answer_not_modified(const HttpRequest& request, const Digest& digest, HttpResponse& response);
/// For HEAD: the length of the body that is there, and no body.
void drop_body(HttpResponse& response);

}  // namespace slipway
