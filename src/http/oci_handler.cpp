#include <slipway/http/oci_handler.hpp>

#include <utility>

#include "http/oci_call.hpp"
#include "http/oci_challenge.hpp"
#include "http/oci_token.hpp"
#include "http/problem.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

/// A path with its escapes decoded: the request's own text where it has none.
class DecodedPath {
 public:
  explicit DecodedPath(std::string_view path) : view_(path) {
    if (path.find('%') == std::string_view::npos) return;
    auto decoded = percent_decode(path);
    decoded_ = decoded ? std::move(*decoded) : std::string();  // malformed: no route
    view_ = decoded_;
  }
  DecodedPath(const DecodedPath&) = delete;
  DecodedPath& operator=(const DecodedPath&) = delete;

  [[nodiscard]] std::string_view view() const noexcept { return view_; }

 private:
  std::string decoded_;
  std::string_view view_;
};

/// As it came, so that it is plain text.
std::string_view shown_path(const HttpRequest& request) noexcept {
  return request.path().substr(0, 300);
}

class OciHandler final : public HttpHandler {
 public:
  OciHandler(Registry& registry, const Authenticator& authenticator, const AccessPolicy& policy,
             const OciHandlerOptions& options, Log& log, Metrics& metrics)
      : authenticator_(authenticator),
        options_(options),
        parts_{registry, policy, options_, log, OciCounters(metrics)} {}

  HttpAction handle(const HttpRequest& request, HttpResponse& response) override {
    HttpAction action = answer(request, response);
    if (request.method != HttpMethod::head) return action;
    if (std::holds_alternative<HttpDone>(action)) {
      without_body(response);
    } else if (auto* blocking = std::get_if<HttpBlocking>(&action)) {
      blocking->run = [run = std::move(blocking->run)](HttpResponse& later) {
        run(later);
        without_body(later);
      };
    }
    return action;
  }

  void refuse(const HttpRequest& /*request*/, const Error& error,
              HttpResponse& response) override {
    OciError refusal = oci_error(error.code, OciSubject::name);
    refusal.status = refusal_status(error.code);
    respond_with_oci_error(refusal, error.message, response);
  }

  [[nodiscard]] std::string_view route_name(const HttpRequest& request) const noexcept override {
    const std::string_view path = request.path();
    if (path.find('%') == std::string_view::npos)
      return oci_route_name(match_oci_route(path).route);
    try {
      return oci_route_name(match_oci_route(DecodedPath(path).view()).route);
    } catch (const std::exception&) {  // no memory for the decoded path
      return oci_route_name(OciRoute::none);
    }
  }

 private:
  /// An error to HEAD is its head, and the length that GET would have told.
  static void without_body(HttpResponse& response) {
    if (!response.content_length && !response.text().empty()) drop_body(response);
  }

  HttpAction answer(const HttpRequest& request, HttpResponse& response) {
    const DecodedPath path(request.path());
    const OciTarget target = match_oci_route(path.view());
    if (target.route == OciRoute::none) {
      respond_with_oci_error({404, "UNSUPPORTED"},
                             slipway::format("there is nothing at {}", shown_path(request)),
                             response);
      return HttpDone();
    }
    const AccessNeed* needed = oci_need(target.route, request.method);
    if (needed == nullptr) {
      const std::string allowed = oci_allowed_methods(target.route);
      response.add("Allow", allowed);
      respond_with_oci_error({405, "UNSUPPORTED"},
                             slipway::format("{} takes {}, not {}", shown_path(request), allowed,
                                             request.method_text.substr(0, 32)),
                             response);
      return HttpDone();
    }
    if (target.route == OciRoute::token) return token(request, response);
    auto identity = authenticator_.identify(request.field("Authorization"));
    if (!identity)
      return refuse(identity.error(), request, target, *needed, "invalid_token", response);
    return dispatch(request, std::move(*identity), *needed, target, response);
  }

  HttpAction token(const HttpRequest& request, HttpResponse& response) {
    if (options_.bearer_tokens != nullptr)
      return answer_token(parts_, authenticator_, request, response);
    respond_with_oci_error({404, "UNSUPPORTED"}, "this server gives no bearer tokens", response);
    return HttpDone();
  }

  /// A 401 tells how to get in, and what was wrong with what was sent: RFC 6750 section 3.1.
  HttpAction refuse(const Error& error, const HttpRequest& request, const OciTarget& target,
                    const AccessNeed& need, std::string_view reason, HttpResponse& response) {
    parts_.fail(error, OciSubject::name, response);
    if (response.status != 401) return HttpDone();
    response.add("Docker-Distribution-API-Version", "registry/2.0");  // old clients look for it
    if (Authenticator::is_nobody(request.field("Authorization"))) reason = {};
    response.add("WWW-Authenticate",
                 make_challenge(options_, request, needed_scopes(target, need), reason));
    return HttpDone();
  }

  HttpAction dispatch(const HttpRequest& request, Identity identity, const AccessNeed& needed,
                      const OciTarget& target, HttpResponse& response) {
    if (target.route == OciRoute::ping && greets_everyone()) return ping(identity, response);
    const auto allowed = parts_.policy.check(needed, identity, {target.repository, {}});
    if (!allowed)
      return refuse(allowed.error(), request, target, needed, "insufficient_scope", response);
    if (target.route == OciRoute::ping) return ping(identity, response);
    if (target.route == OciRoute::catalog)
      return answer_catalog(parts_, request, std::move(identity));

    auto repository = RepositoryName::parse(target.repository);
    if (!repository) {
      parts_.fail(repository.error(), OciSubject::name, response);
      return HttpDone();
    }
    OciCall call{request, std::move(identity), std::move(*repository)};
    switch (target.route) {
      case OciRoute::blob:
        return answer_blob(parts_, std::move(call), target.reference, response);
      case OciRoute::manifest:
        return answer_manifest(parts_, std::move(call), target.reference, response);
      case OciRoute::uploads: return answer_uploads(parts_, std::move(call), response);
      case OciRoute::upload:
        return answer_upload(parts_, std::move(call), target.reference, response);
      case OciRoute::tags: return answer_tags(parts_, std::move(call));
      case OciRoute::referrers:
        return answer_referrers(parts_, std::move(call), target.reference, response);
      case OciRoute::none:
      case OciRoute::ping:
      case OciRoute::token:
      case OciRoute::catalog: break;
    }
    return HttpDone();
  }

  /// Where everyone may pull and there are no bearer tokens, GET /v2/ is for everyone too: a client
  /// that was refused would have no way in.
  [[nodiscard]] bool greets_everyone() const noexcept {
    return options_.bearer_tokens == nullptr &&
           parts_.policy.anonymous() == AnonymousAccess::pull;
  }

  /// end-1. Clients learn here whether to send a token.
  HttpAction ping(const Identity& identity, HttpResponse& response) {
    response.add("Docker-Distribution-API-Version", "registry/2.0");
    response.add("Content-Type", "application/json");
    if (greets_everyone() && identity.kind == Identity::Kind::anonymous)
      response.add("WWW-Authenticate", basic_challenge);
    response.bytes() = "{}";
    return HttpDone();
  }

  const Authenticator& authenticator_;
  const OciHandlerOptions options_;
  const OciParts parts_;
};

}  // namespace

std::unique_ptr<HttpHandler> make_oci_handler(Registry& registry,
                                              const Authenticator& authenticator,
                                              const AccessPolicy& policy,
                                              const OciHandlerOptions& options, Log& log,
                                              Metrics& metrics) {
  return std::make_unique<OciHandler>(registry, authenticator, policy, options, log, metrics);
}

}  // namespace slipway
