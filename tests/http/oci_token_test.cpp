// The token flow of Docker's clients: a challenge, an exchange, and what the bearer token is good for.
#include "tests/http/access_world.hpp"

namespace slipway::test {
namespace {

using namespace std::chrono_literals;

Fields with_basic(const std::string& secret) {
  return {{"Authorization", "Basic " + base64_encode("anyone:" + secret)}};
}
Fields with_bearer(const std::string& token) { return {{"Authorization", "Bearer " + token}}; }

class OciTokenTest : public ::testing::Test {
 protected:
  Answer get(std::string_view target, const Fields& fields = {}) {
    return exchange(world_.router(), "GET", target, {}, fields);
  }
  Answer form(std::string_view body) {
    return exchange(world_.router(), "POST", "/v2/token", body,
                    {{"Content-Type", "application/x-www-form-urlencoded"}});
  }
  /// The bearer token of an answer that has one.
  static std::string token_of(const Answer& answer) {
    EXPECT_EQ(answer.status, 200) << answer.text;
    return std::string(answer.json().root().find("token").text());
  }
  std::string exchange_for(const std::string& secret, const std::string& scope) {
    return token_of(get("/v2/token?service=slipway&scope=" + scope, with_basic(secret)));
  }
  std::string reader() { return world_.token("reader", {{"app/**", {Action::pull}}}); }
  std::string pusher() {
    return world_.token("pusher", {{"app/**", {Action::pull, Action::push}}});
  }

  World world_;
};

std::string challenge(const Answer& answer) {
  EXPECT_EQ(answer.status, 401);
  return std::string(answer.response.field("WWW-Authenticate"));
}

TEST_F(OciTokenTest, AChallengeSaysWhereAndForWhatToAsk) {
  const std::string realm = "Bearer realm=\"http://registry.test:5000/v2/token\",service=\"slipway\"";
  const Fields host{{"Host", "registry.test:5000"}};
  struct Case {
    std::string_view method, target, scope;
  };
  const Case cases[] = {
      {"GET", "/v2/", ""},
      {"GET", "/v2/_catalog", "registry:catalog:*"},
      {"GET", "/v2/app/web/manifests/latest", "repository:app/web:pull"},
      {"HEAD", "/v2/app/web/manifests/latest", "repository:app/web:pull"},
      {"PUT", "/v2/app/web/manifests/latest", "repository:app/web:pull,push"},
      {"POST", "/v2/app/web/blobs/uploads/", "repository:app/web:pull,push"},
      {"DELETE", "/v2/app/web/manifests/latest", "repository:app/web:delete"},
      {"GET", "/v2/Not%20Valid%22/tags/list", ""},
  };
  for (const Case& c : cases) {
    const std::string scope =
        c.scope.empty() ? "" : ",scope=\"" + std::string(c.scope) + "\"";
    EXPECT_EQ(challenge(exchange(world_.router(), c.method, c.target, {}, host)), realm + scope)
        << c.method << ' ' << c.target;
  }
}

TEST_F(OciTokenTest, TheRealmIsWhereTheClientIsOrWhatIsConfigured) {
  const auto realm = [](World& world, const Fields& fields, bool secure = false) {
    std::vector<HttpField> views;
    for (const auto& [name, value] : fields) views.push_back({name, value});
    HttpRequest request;
    request.method = HttpMethod::get;
    request.target = "/v2/";
    request.fields = views;
    request.secure = secure;
    HttpResponse response;
    serve_inline(world.router(), request, {}, response);
    const std::string_view field = response.field("WWW-Authenticate");
    return std::string(field.substr(0, field.find(',')));
  };
  EXPECT_EQ(realm(world_, {{"Host", "[::1]:5000"}}), "Bearer realm=\"http://[::1]:5000/v2/token\"");
  EXPECT_EQ(realm(world_, {{"Host", "r.test"}}, true), "Bearer realm=\"https://r.test/v2/token\"");
  EXPECT_EQ(realm(world_, {{"Host", "r.test"}, {"X-Forwarded-Proto", "https"}}),
            "Bearer realm=\"http://r.test/v2/token\"") << "anyone can send that field";
  EXPECT_EQ(realm(world_, {{"Host", "r.test\",scope=\"x"}}), "Basic realm=\"slipway\"");
  EXPECT_EQ(realm(world_, {}), "Basic realm=\"slipway\"");
  World behind_proxy(AnonymousAccess::none, "https://registry.example.com");
  EXPECT_EQ(realm(behind_proxy, {{"Host", "10.0.0.1:5000"}}),
            "Bearer realm=\"https://registry.example.com/v2/token\"");
}

TEST_F(OciTokenTest, ATokenIsExchangedForWhatItMayDoOfWhatIsAsked) {
  const Answer answer =
      get("/v2/token?account=me&service=slipway&client_id=docker&offline_token=true"
          "&scope=repository%3Aapp%2Fweb%3Apull%2Cpush&scope=repository:lib:pull",
          with_basic(reader()));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.response.field("Cache-Control"), "no-store");
  const json::Document document = answer.json();
  const json::Value root = document.root();
  EXPECT_EQ(root.find("token").text(), root.find("access_token").text());
  EXPECT_EQ(root.find("expires_in").as_int64(), 300);
  EXPECT_EQ(root.find("scope").text(), "repository:app/web:pull");
  EXPECT_FALSE(root.find("refresh_token"));
  const Fields bearer = with_bearer(std::string(root.find("token").text()));
  EXPECT_EQ(get("/v2/", bearer).status, 200);
  EXPECT_EQ(get("/v2/app/web/manifests/latest", bearer).status, 200);
  EXPECT_EQ(get("/v2/app/api/tags/list", bearer).status, 401);
  EXPECT_EQ(get("/v2/lib/tags/list", bearer).status, 403);
}

TEST_F(OciTokenTest, ANarrowTokenIsToldWhatToAskFor) {
  const std::string secret = pusher();
  Fields bearer = with_bearer(exchange_for(secret, "repository:app/web:pull"));
  bearer.emplace_back("Host", "r.test");
  const auto begin = [&](const Fields& fields) {
    return exchange(world_.router(), "POST", "/v2/app/web/blobs/uploads/", {}, fields);
  };
  EXPECT_EQ(challenge(begin(bearer)),
            "Bearer realm=\"http://r.test/v2/token\",service=\"slipway\","
            "scope=\"repository:app/web:pull,push\",error=\"insufficient_scope\"");
  EXPECT_EQ(begin(with_bearer(exchange_for(secret, "repository:app/web:pull,push"))).status, 202);
  EXPECT_EQ(begin(with_bearer(exchange_for(reader(), "repository:app/web:pull,push"))).status, 403);
}

TEST_F(OciTokenTest, ATokenThatIsOverIsInvalid) {
  Fields bearer = with_bearer(exchange_for(reader(), "repository:app/web:pull"));
  bearer.emplace_back("Host", "r.test");
  world_.clock().advance(300s);
  EXPECT_EQ(challenge(get("/v2/app/web/tags/list", bearer)),
            "Bearer realm=\"http://r.test/v2/token\",service=\"slipway\","
            "scope=\"repository:app/web:pull\",error=\"invalid_token\"");
}

TEST_F(OciTokenTest, RevokingATokenEndsWhatWasDerivedFromItAtOnce) {
  const auto made = world_.tokens().create("ci", {{"**", Actions::all()}});
  const Fields bearer = with_bearer(exchange_for(made->secret, "repository:app/web:pull"));
  EXPECT_EQ(get("/v2/app/web/tags/list", bearer).status, 200);
  ASSERT_TRUE(world_.tokens().revoke(made->token.id).ok());
  EXPECT_EQ(get("/v2/app/web/tags/list", bearer).status, 401);
  EXPECT_EQ(get("/v2/token", with_basic(made->secret)).status, 401);
}

TEST_F(OciTokenTest, WhoIsNobodyIsToldToLogIn) {
  for (const Fields& fields :
       {Fields(), with_basic("slp_wrong"), with_basic(""), Fields{{"Authorization", "Digest x"}},
        with_bearer(exchange_for(reader(), ""))}) {
    const Answer answer = get("/v2/token?scope=repository:app/web:pull", fields);
    EXPECT_EQ(challenge(answer), "Basic realm=\"slipway\"");
    EXPECT_NE(answer.text.find("UNAUTHORIZED"), std::string::npos);
  }
}

TEST(OciAnonymousToken, EveryoneGetsOneWhereEveryoneMayPull) {
  World world(AnonymousAccess::pull);
  const auto ask = [&](std::string_view method, std::string_view target, const Fields& fields) {
    return exchange(world.router(), method, target, {}, fields);
  };
  const Fields host{{"Host", "r.test"}};
  EXPECT_EQ(challenge(ask("GET", "/v2/", host)),
            "Bearer realm=\"http://r.test/v2/token\",service=\"slipway\"")
      << "so that those who have a token send it";
  EXPECT_EQ(ask("GET", "/v2/app/web/manifests/latest", {}).status, 200) << "curl needs none";
  const Answer answer = ask("GET", "/v2/token?scope=repository:app/web:pull,push", {});
  const json::Document document = answer.json();
  EXPECT_EQ(document.root().find("scope").text(), "repository:app/web:pull");
  Fields bearer = with_bearer(std::string(document.root().find("token").text()));
  EXPECT_EQ(ask("GET", "/v2/", bearer).status, 200);
  EXPECT_EQ(ask("GET", "/v2/app/web/manifests/latest", bearer).status, 200);
  EXPECT_EQ(ask("POST", "/v2/app/web/blobs/uploads/", bearer).status, 401);
  EXPECT_EQ(ask("GET", "/v2/_catalog", bearer).status, 401);
}

TEST_F(OciTokenTest, TheCatalogIsAScope) {
  const std::string secret = reader();
  const Fields bearer = with_bearer(exchange_for(secret, "registry:catalog:*"));
  EXPECT_EQ(get("/v2/_catalog", bearer).text, R"({"repositories":["app/web"]})");
  Fields narrow = with_bearer(exchange_for(secret, ""));
  narrow.emplace_back("Host", "r.test");
  EXPECT_EQ(challenge(get("/v2/_catalog", narrow)),
            "Bearer realm=\"http://r.test/v2/token\",service=\"slipway\","
            "scope=\"registry:catalog:*\",error=\"insufficient_scope\"");
}

TEST_F(OciTokenTest, TheFormOfOAuthServesToo) {
  const std::string secret = reader();
  const std::string scope = "&service=slipway&client_id=test&scope=repository:app/web:pull";
  const Answer password =
      form("grant_type=password&username=me&password=" + secret + "&access_type=offline" + scope);
  EXPECT_EQ(get("/v2/app/web/tags/list", with_bearer(token_of(password))).status, 200);
  const json::Document document = password.json();
  EXPECT_EQ(document.root().find("token_type").text(), "Bearer");
  const std::string refresh(document.root().find("refresh_token").text());
  const Answer refreshed = form("grant_type=refresh_token&refresh_token=" + refresh + scope);
  EXPECT_EQ(get("/v2/app/web/tags/list", with_bearer(token_of(refreshed))).status, 200);
  EXPECT_FALSE(refreshed.json().root().find("refresh_token"));
}

TEST_F(OciTokenTest, AWrongFormIsAnErrorOfOAuth) {
  struct Case {
    std::string body, error;
  };
  for (const Case& c : std::vector<Case>{
           {"", "unsupported_grant_type"},
           {"grant_type=authorization_code&code=x", "unsupported_grant_type"},
           {"grant_type=password&username=me", "invalid_request"},
           {"grant_type=refresh_token", "invalid_request"},
           {"grant_type=%zz", "invalid_request"},
           {"grant_type=password&password=slp_wrong", "invalid_grant"},
           {std::string(20'000, 'x'), "invalid_request"}}) {
    const Answer answer = form(c.body);
    EXPECT_EQ(answer.status, 400) << c.body.substr(0, 60);
    EXPECT_EQ(answer.json().root().find("error").text(), c.error);
  }
}

TEST_F(OciTokenTest, TheTokenOfAReplacedWorkerIsGoodForNothing) {
  const std::string worker = world_.run(world_.build()).token;
  const Fields bearer = with_bearer(exchange_for(worker, "repository:app/web:pull,push"));
  const Answer begun = exchange(world_.router(), "POST", "/v2/app/web/blobs/uploads/", {}, bearer);
  ASSERT_EQ(begun.status, 202);
  const std::string target = std::string(begun.response.field("Location")) +
                             "?digest=" + digest_of("late").to_string();

  // Replaced while its blob arrives: the request that began in time must not end well.
  std::vector<HttpField> fields{{bearer[0].first, bearer[0].second}};
  HttpRequest request;
  request.method = HttpMethod::put;
  request.target = target;
  request.fields = fields;
  request.has_body = true;
  HttpResponse response;
  HttpAction action = world_.router().handle(request, response);
  ASSERT_TRUE(std::holds_alternative<HttpReceive>(action));
  ASSERT_TRUE(world_.queue().cancel(world_.build(), "requested").ok());
  BodyReceiver& receiver = *std::get<HttpReceive>(action).receiver;
  const std::string_view bytes = "late";
  if (const auto taken = receiver.append(std::as_bytes(std::span(bytes))); taken)
    receiver.finish(response);
  else
    receiver.fail(taken.error(), response);
  EXPECT_EQ(response.status, 409);

  EXPECT_EQ(get("/v2/app/web/tags/list", bearer).status, 401);
  EXPECT_EQ(get("/v2/token?scope=repository:app/web:pull", with_basic(worker)).status, 401);
}

}  // namespace
}  // namespace slipway::test
