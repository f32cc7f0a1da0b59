#include "tests/http/oci_fixture.hpp"

#include "http/oci_routes.hpp"

namespace slipway::test {
namespace {

class OciAccessTest : public ::testing::Test {
 protected:
  static constexpr auto memory = StoreKind::memory;

  static std::string token(OciWorld& world, std::vector<Grant> grants) {
    return world.tokens().create("ci", std::move(grants))->secret;
  }
  static Fields bearer(const std::string& secret) {
    return {{"Authorization", "Bearer " + secret}};
  }
  static void put_blob(OciWorld& world, std::string_view repository, std::string_view bytes) {
    ASSERT_TRUE(world.registry()
                    .put_blob(*RepositoryName::parse(repository), digest_of(bytes), bytes)
                    .ok());
  }
};

TEST_F(OciAccessTest, NobodyIsChallenged) {
  OciWorld world(memory, AnonymousAccess::none);
  for (const char* path : {"/v2/", "/v2", "/v2/_catalog", "/v2/app/tags/list", "/v2/Not..Valid/tags/list"}) {
    const OciAnswer answer = exchange(world.handler(), "GET", path);
    EXPECT_EQ(answer.status, 401) << path;
    EXPECT_EQ(answer.field("WWW-Authenticate"), "Basic realm=\"slipway\"");
    EXPECT_EQ(answer.code(), "UNAUTHORIZED");
  }
  EXPECT_EQ(exchange(world.handler(), "HEAD", "/v2/").status, 401);
  EXPECT_EQ(exchange(world.handler(), "POST", "/v2/app/blobs/uploads/").status, 401);
}

TEST_F(OciAccessTest, WhatTheTransportRefusesHasTheSpecificationsFormBelowV2Only) {
  OciWorld world(memory, AnonymousAccess::push);
  HttpRouter router;
  router.mount("/v2/", world.handler());
  HttpRequest request;
  HttpResponse response;
  request.target = "/v2/app/tags/list";
  router.refuse(request, Error(ErrorCode::unavailable, "the server is busy"), response);
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.field("Retry-After"), "1");
  EXPECT_EQ(response.text(),
            R"({"errors":[{"code":"TOOMANYREQUESTS","message":"the server is busy"}]})");
  response.clear();
  router.refuse(request, Error(ErrorCode::timed_out, "too slow"), response);
  EXPECT_EQ(response.status, 408);
  EXPECT_EQ(response.text(), R"({"errors":[{"code":"UNKNOWN","message":"too slow"}]})");
  response.clear();
  request.target = "/api/v1/builds";
  router.refuse(request, Error(ErrorCode::unavailable, "the server is busy"), response);
  EXPECT_EQ(response.field("Content-Type"), "application/problem+json");
  response.clear();
  router.refuse(request, Error(ErrorCode::timed_out, "too slow"), response);
  EXPECT_EQ(response.status, 408);
}

TEST_F(OciAccessTest, APathThatIsNoneAndAMethodThatIsNoneAreNamed) {
  OciWorld world(memory, AnonymousAccess::push);
  EXPECT_NE(exchange(world.handler(), "GET", "/v2/no/such/thing").body.find("/v2/no/such/thing"),
            std::string::npos);
  const OciAnswer answer = exchange(world.handler(), "PATCH", "/v2/app/tags/list");
  EXPECT_EQ(answer.status, 405);
  EXPECT_NE(answer.body.find("/v2/app/tags/list takes GET, HEAD, not PATCH"), std::string::npos)
      << answer.body;
}

TEST_F(OciAccessTest, AWrongTokenIsRefusedEvenWhereNobodyMay) {
  OciWorld world(memory, AnonymousAccess::push);
  EXPECT_EQ(exchange(world.handler(), "GET", "/v2/", bearer("slp_wrong")).status, 401);
  EXPECT_EQ(exchange(world.handler(), "GET", "/v2/").status, 200);
}

TEST_F(OciAccessTest, AnonymousPull) {
  OciWorld world(memory, AnonymousAccess::pull);
  put_blob(world, "app", "bytes");
  const OciAnswer ping = exchange(world.handler(), "GET", "/v2/");
  EXPECT_EQ(ping.status, 200);
  EXPECT_EQ(ping.field("WWW-Authenticate"), "Basic realm=\"slipway\"");
  const std::string blob = "/v2/app/blobs/" + digest_text("bytes");
  EXPECT_EQ(exchange(world.handler(), "GET", blob).status, 200);
  EXPECT_EQ(exchange(world.handler(), "GET", "/v2/app/tags/list").status, 200);
  EXPECT_EQ(exchange(world.handler(), "DELETE", blob).status, 401);
  EXPECT_EQ(exchange(world.handler(), "POST", "/v2/app/blobs/uploads/").status, 401);
  EXPECT_EQ(exchange(world.handler(), "PUT", "/v2/app/manifests/x", {}, "{}").status, 401);
  EXPECT_EQ(exchange(world.handler(), "GET", "/v2/_catalog").status, 401);
}

TEST_F(OciAccessTest, ATokenDoesWhatItWasGranted) {
  OciWorld world(memory, AnonymousAccess::none);
  const std::string reader = token(world, {{"app/*", {Action::pull}}});
  const std::string pusher = token(world, {{"app/*", {Action::pull, Action::push}}});
  put_blob(world, "app/web", "bytes");
  const std::string blob = "/v2/app/web/blobs/" + digest_text("bytes");
  EXPECT_EQ(exchange(world.handler(), "GET", "/v2/", bearer(reader)).status, 200);
  EXPECT_EQ(exchange(world.handler(), "GET", blob, bearer(reader)).status, 200);
  EXPECT_EQ(exchange(world.handler(), "POST", "/v2/app/web/blobs/uploads/", bearer(reader)).code(),
            "DENIED");
  EXPECT_EQ(exchange(world.handler(), "POST", "/v2/app/web/blobs/uploads/", bearer(pusher)).status,
            202);
  EXPECT_EQ(exchange(world.handler(), "DELETE", blob, bearer(pusher)).code(), "DENIED");
}

TEST_F(OciAccessTest, NoAnswerTellsThatARepositoryExists) {
  OciWorld world(memory, AnonymousAccess::none);
  const std::string outsider = token(world, {{"other/*", Actions::all()}});
  put_blob(world, "app/secret", "bytes");
  const std::string digest = digest_text("bytes");
  for (const auto& [method, rest] : std::vector<std::pair<std::string, std::string>>{
           {"GET", "/tags/list"},
           {"GET", "/blobs/" + digest},
           {"HEAD", "/blobs/" + digest},
           {"GET", "/manifests/latest"},
           {"GET", "/referrers/" + digest},
           {"DELETE", "/blobs/" + digest},
           {"POST", "/blobs/uploads/"}}) {
    for (const Fields& fields : {Fields(), bearer(outsider)}) {
      const OciAnswer there = exchange(world.handler(), method, "/v2/app/secret" + rest, fields);
      OciAnswer missing = exchange(world.handler(), method, "/v2/app/nosuch" + rest, fields);
      EXPECT_EQ(there.status, missing.status) << method << rest;
      EXPECT_EQ(there.code(), missing.code());
      EXPECT_EQ(there.length(), missing.length());
    }
  }
  EXPECT_EQ(exchange(world.handler(), "GET", "/v2/_catalog", bearer(outsider)).list("repositories"),
            std::vector<std::string>());
}

TEST_F(OciAccessTest, AMountFromWhatTheCallerCannotReadIsAnUpload) {
  OciWorld world(memory, AnonymousAccess::none);
  const std::string outsider = token(world, {{"other/*", Actions::all()}});
  put_blob(world, "app/secret", "bytes");
  const std::string digest = digest_text("bytes");
  for (const std::string& query : {"?mount=" + digest + "&from=app/secret", "?mount=" + digest}) {
    const OciAnswer answer =
        exchange(world.handler(), "POST", "/v2/other/x/blobs/uploads/" + query, bearer(outsider));
    EXPECT_EQ(answer.status, 202) << query;
  }
  EXPECT_EQ(exchange(world.handler(), "GET", "/v2/other/x/blobs/" + digest, bearer(outsider)).status,
            404);
}

TEST_F(OciAccessTest, TheCatalogShowsWhatTheCallerMayPullAPageFullOfIt) {
  OciWorld world(memory, AnonymousAccess::none, {}, 2);
  for (const char* name : {"a/1", "b/1", "b/2", "b/3", "c/1", "c/2"}) put_blob(world, name, "x");
  const std::string reader =
      token(world, {{"a/*", {Action::pull}}, {"c/*", {Action::pull}}, {"b/2", {Action::push}}});
  const OciAnswer first = exchange(world.handler(), "GET", "/v2/_catalog", bearer(reader));
  EXPECT_EQ(first.list("repositories"), (std::vector<std::string>{"a/1", "c/1"}));
  EXPECT_EQ(first.field("Link"), "</v2/_catalog?last=c%2F1>; rel=\"next\"");
  const OciAnswer second =
      exchange(world.handler(), "GET", "/v2/_catalog?last=c%2F1", bearer(reader));
  EXPECT_EQ(second.list("repositories"), (std::vector<std::string>{"c/2"}));
  EXPECT_EQ(second.field("Link"), "");
}

TEST_F(OciAccessTest, NamesWithSlashesEscapesAndTooManyCharacters) {
  OciWorld world(memory);
  const std::string longest = std::string(127, 'a') + "/" + std::string(127, 'b');
  ASSERT_EQ(longest.size(), 255U);
  put_blob(world, longest, "bytes");
  put_blob(world, "app/tags/list", "bytes");
  const std::string blob = "/blobs/" + digest_text("bytes");
  EXPECT_EQ(exchange(world.handler(), "GET", "/v2/" + longest + blob).status, 200);
  EXPECT_EQ(exchange(world.handler(), "GET", "/v2/app/tags/list" + blob).status, 200);
  EXPECT_EQ(exchange(world.handler(), "GET", "/v2/app%2Ftags%2flist" + blob).status, 200);
  EXPECT_EQ(exchange(world.handler(), "GET", "/v2/app/tags/list/tags/list").status, 200);
  for (const std::string& name : {longest + "x", std::string(256, 'a'), std::string("App"),
                                  std::string(".."), std::string("a/../b"), std::string("a//b"),
                                  std::string("a%2F..%2Fb"), std::string("a b")}) {
    for (const char* rest : {"/tags/list", "/manifests/latest", "/blobs/uploads/"}) {
      const bool post = std::string_view(rest) == "/blobs/uploads/";
      const OciAnswer answer =
          exchange(world.handler(), post ? "POST" : "GET", "/v2/" + name + rest);
      EXPECT_EQ(answer.status, 400) << name << rest;
      EXPECT_EQ(answer.code(), "NAME_INVALID");
    }
  }
  for (const char* path : {"/v2/x", "/v2/app/nothing/here", "/v2//tags/list", "/v2/%zz/tags/list",
                           "/v2/a%00b/tags/list", "/v2/tags/list", "/v22/"})
    EXPECT_EQ(exchange(world.handler(), "GET", path).status, 404) << path;
}

TEST_F(OciAccessTest, OtherMethodsAre405) {
  OciWorld world(memory);
  const OciAnswer answer = exchange(world.handler(), "PATCH", "/v2/app/manifests/latest");
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.field("Allow"), "GET, HEAD, PUT, DELETE");
  EXPECT_EQ(answer.code(), "UNSUPPORTED");
  EXPECT_EQ(exchange(world.handler(), "GET", "/v2/app/blobs/uploads/").field("Allow"), "POST");
  EXPECT_EQ(exchange(world.handler(), "BREW", "/v2/").status, 405);
}

TEST_F(OciAccessTest, PointReadsAreAnsweredAtOnceAndTheRestIsNot) {
  OciWorld world(memory);
  put_blob(world, "app", "{}");
  put_blob(world, "app", std::string(100'000, 'x'));
  const std::string json = image_json("{}", {});
  ASSERT_TRUE(world.registry()
                  .put_manifest(*RepositoryName::parse("app"), *parse_reference("latest"), json,
                                oci_manifest_type)
                  .ok());
  const auto at_once = [&](HttpMethod method, const std::string& target) {
    HttpRequest request;
    request.method = method;
    request.target = target;
    HttpResponse response;
    return std::holds_alternative<HttpDone>(world.handler().handle(request, response));
  };
  EXPECT_TRUE(at_once(HttpMethod::get, "/v2/app/manifests/latest"));
  EXPECT_TRUE(at_once(HttpMethod::head, "/v2/app/manifests/latest"));
  EXPECT_TRUE(at_once(HttpMethod::get, "/v2/app/blobs/" + digest_text("{}")));
  EXPECT_TRUE(at_once(HttpMethod::head, "/v2/app/blobs/" + digest_text(std::string(100'000, 'x'))));
  EXPECT_TRUE(at_once(HttpMethod::post, "/v2/app/blobs/uploads/"));
  EXPECT_FALSE(at_once(HttpMethod::get, "/v2/app/blobs/" + digest_text(std::string(100'000, 'x'))));
  EXPECT_FALSE(at_once(HttpMethod::get, "/v2/app/tags/list"));
  EXPECT_FALSE(at_once(HttpMethod::delete_, "/v2/app/manifests/latest"));
}

/// A worker whose attempt was replaced as soon as it says so.
class WorkerVerifier final : public CredentialVerifier {
 public:
  Result<std::optional<Identity>> verify(std::string_view secret) const override {
    if (secret != "worker") return std::optional<Identity>();
    Identity identity;
    identity.kind = Identity::Kind::worker;
    identity.name = "build";
    identity.grants = {{"app/*", {Action::pull, Action::push, Action::delete_}}};
    identity.guard = [this](const ReadView&) -> Result<void> {
      if (!replaced) return {};
      return Error(ErrorCode::denied, "this attempt was replaced");
    };
    return std::optional(std::move(identity));
  }
  bool replaced = false;
};

TEST_F(OciAccessTest, AReplacedWorkerWritesNothingMore) {
  OciWorld world(memory, AnonymousAccess::none);
  WorkerVerifier verifier;
  const Authenticator authenticator({&verifier});
  const AccessPolicy policy(AnonymousAccess::none);
  const auto handler = make_oci_handler(world.registry(), authenticator, policy);
  const auto send = [&](std::string_view method, const std::string& target,
                        std::string_view body = {}, std::string type = "") {
    return exchange(*handler, method, target,
                    {{"Authorization", "Bearer worker"}, {"Content-Type", std::move(type)}}, body);
  };
  const auto push = [&](std::string_view bytes) {
    const OciAnswer begun = send("POST", "/v2/app/web/blobs/uploads/");
    return send("PUT", begun.field("Location") + "?digest=" + digest_text(bytes), bytes);
  };
  EXPECT_EQ(push("{}").status, 201);
  const std::string json = image_json("{}", {});
  EXPECT_EQ(send("PUT", "/v2/app/web/manifests/v1", json, oci_manifest_type).status, 201);

  verifier.replaced = true;
  EXPECT_EQ(push("more").code(), "DENIED");
  EXPECT_EQ(send("POST", "/v2/app/web/blobs/uploads/?digest=" + digest_text("x"), "x").code(),
            "DENIED");
  EXPECT_EQ(send("POST", "/v2/app/two/blobs/uploads/?from=app/web&mount=" + digest_text("{}"))
                .code(),
            "DENIED");
  EXPECT_EQ(send("PUT", "/v2/app/web/manifests/v2", json, oci_manifest_type).code(), "DENIED");
  EXPECT_EQ(send("DELETE", "/v2/app/web/manifests/v1").code(), "DENIED");
  EXPECT_EQ(send("DELETE", "/v2/app/web/blobs/" + digest_text("{}")).code(), "DENIED");
  EXPECT_EQ(send("GET", "/v2/app/web/tags/list").list("tags"), std::vector<std::string>{"v1"});
}

TEST_F(OciAccessTest, NothingReadsOnTheIoThreadWhereReadsMayBlock) {
  OciWorld world(memory);
  put_blob(world, "app", "{}");
  const std::string json = image_json("{}", {});
  ASSERT_TRUE(world.registry()
                  .put_manifest(*RepositoryName::parse("app"), *parse_reference("latest"), json,
                                oci_manifest_type)
                  .ok());
  const Authenticator authenticator({&world.tokens()});
  const AccessPolicy policy(AnonymousAccess::push);
  OciHandlerOptions options;
  options.reads_may_block = true;
  const auto handler = make_oci_handler(world.registry(), authenticator, policy, options);
  const std::string blob = "/v2/app/blobs/" + digest_text("{}");
  for (const std::string& target : {blob, std::string("/v2/app/manifests/latest")})
    for (const HttpMethod method : {HttpMethod::get, HttpMethod::head}) {
      HttpRequest request;
      request.method = method;
      request.target = target;
      HttpResponse response;
      EXPECT_TRUE(std::holds_alternative<HttpBlocking>(handler->handle(request, response)));
    }
  EXPECT_EQ(exchange(*handler, "GET", blob).body, "{}");
  EXPECT_EQ(exchange(*handler, "GET", blob, {{"Range", "bytes=1-1"}}).body, "}");
  EXPECT_EQ(exchange(*handler, "HEAD", blob).length(), 2U);
  EXPECT_EQ(exchange(*handler, "GET", "/v2/app/manifests/latest").body, json);
  EXPECT_EQ(exchange(*handler, "HEAD", "/v2/app/manifests/latest").length(), json.size());
  EXPECT_EQ(exchange(*handler, "PATCH", "/v2/app/blobs/uploads/nonsense", {}, "x").code(),
            "BLOB_UPLOAD_UNKNOWN");
}

TEST_F(OciAccessTest, RoutesHaveFixedNames) {
  OciWorld world(memory);
  const auto name = [&](std::string_view target) {
    HttpRequest request;
    request.target = target;
    return world.handler().route_name(request);
  };
  EXPECT_EQ(name("/v2/"), "ping");
  EXPECT_EQ(name("/v2/_catalog?n=3"), "catalog");
  EXPECT_EQ(name("/v2/a/b/manifests/latest"), "manifest");
  EXPECT_EQ(name("/v2/a%2Fb/blobs/sha256:00"), "blob");
  EXPECT_EQ(name("/v2/a/blobs/uploads/"), "uploads");
  EXPECT_EQ(name("/v2/a/blobs/uploads/x"), "upload");
  EXPECT_EQ(name("/v2/a/tags/list"), "tags");
  EXPECT_EQ(name("/v2/a/referrers/sha256:00"), "referrers");
  EXPECT_EQ(name("/v2/a/else"), "none");
}

TEST(OciRoutes, MatchFromTheRight) {
  const OciTarget target = match_oci_route("/v2/a/manifests/b/blobs/uploads/blobs/uploads/id");
  EXPECT_EQ(target.route, OciRoute::upload);
  EXPECT_EQ(target.repository, "a/manifests/b/blobs/uploads");
  EXPECT_EQ(target.reference, "id");
  EXPECT_EQ(match_oci_route("/v2/a/tags/tags/list").repository, "a/tags");
  EXPECT_EQ(match_oci_route("/v2/manifests/manifests/x").repository, "manifests");
  EXPECT_EQ(match_oci_route("/v2/a/manifests/").route, OciRoute::none);
  EXPECT_EQ(match_oci_route("/v1/a/tags/list").route, OciRoute::none);
}

}  // namespace
}  // namespace slipway::test
