// Every kind of identity against every route: what the access table says is what the handlers do.
#include "http/access_table.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <slipway/core/hex.hpp>
#include <slipway/http/oci_handler.hpp>
#include <slipway/http/ops_handler.hpp>
#include <slipway/support/hasher.hpp>
#include <slipway/support/metrics.hpp>

#include "tests/http/api_fixture.hpp"

namespace slipway::test {
namespace {

using namespace std::chrono_literals;

/// Who asks, in the order of the columns below.
enum class Who {
  anonymous_none, anonymous_pull, anonymous_push,
  app_pull, app_push, app_delete, app_build, app_admin,            // a token for app/**
  other_pull, other_push, other_delete, other_build, other_admin,  // a token for other/**
  expired, revoked,
  worker, replaced_worker, worker_of_another_build,
  administrator,
};
constexpr int whos = 19;

/// One line for each row of the table. y: may; 1: 401; 3: 403; 4: 404, as if it were not there;
/// 9: 409, stop.
struct Line {
  std::string_view method, path, expected;
};
//                                   anonymous  app    other  gone  workers  administrator
constexpr std::string_view everyone      = "yyy yyyyy yyyyy yy yyy y";
constexpr std::string_view greeting      = "1yy yyyyy yyyyy 11 y1y y";
constexpr std::string_view catalog       = "11y yyyyy yyyyy 11 y1y y";
constexpr std::string_view pull          = "1yy y3333 33333 11 y1y y";
constexpr std::string_view push          = "11y 3y333 33333 11 y13 y";
constexpr std::string_view remove        = "11y 33y33 33333 11 313 y";
constexpr std::string_view known         = "111 yyyyy yyyyy 11 y1y y";
constexpr std::string_view see_build     = "111 444y4 44444 11 414 y";
constexpr std::string_view build         = "111 333y3 33333 11 313 y";
constexpr std::string_view see           = "111 y4444 44444 11 y1y y";
constexpr std::string_view administrator = "111 33333 33333 11 313 y";
constexpr std::string_view worker        = "111 33333 33333 99 y93 3";

constexpr Line lines[] = {
    {"GET", "/v2/", greeting},
    {"GET", "/v2/_catalog", catalog},
    {"GET", "/v2/{repository}/tags/list", pull},
    {"GET", "/v2/{repository}/referrers/{digest}", pull},
    {"GET", "/v2/{repository}/manifests/{reference}", pull},
    {"PUT", "/v2/{repository}/manifests/{reference}", push},
    {"DELETE", "/v2/{repository}/manifests/{reference}", remove},
    {"GET", "/v2/{repository}/blobs/{digest}", pull},
    {"DELETE", "/v2/{repository}/blobs/{digest}", remove},
    {"POST", "/v2/{repository}/blobs/uploads/", push},
    {"GET", "/v2/{repository}/blobs/uploads/{upload}", push},
    {"PATCH", "/v2/{repository}/blobs/uploads/{upload}", push},
    {"PUT", "/v2/{repository}/blobs/uploads/{upload}", push},
    {"DELETE", "/v2/{repository}/blobs/uploads/{upload}", push},
    {"GET", "/api/v1/builds", known},
    {"GET", "/api/v1/builds/{id}", see_build},
    {"GET", "/api/v1/builds/{id}/log", see_build},
    {"POST", "/api/v1/builds/{id}/cancel", see_build},
    {"POST", "/api/v1/builds/{id}/retry", see_build},
    {"POST", "/api/v1/repositories/{repository}/builds", build},
    {"POST", "/api/v1/repositories/{repository}/triggers", build},
    {"GET", "/api/v1/repositories/{repository}/triggers", build},
    {"GET", "/api/v1/repositories/{repository}/triggers/{id}", build},
    {"DELETE", "/api/v1/repositories/{repository}/triggers/{id}", build},
    {"GET", "/api/v1/repositories", known},
    {"GET", "/api/v1/repositories/{repository}/manifests/{reference}", see},
    {"GET", "/api/v1/repositories/{repository}/tags", see},
    {"POST", "/api/v1/admin/tokens", administrator},
    {"GET", "/api/v1/admin/tokens", administrator},
    {"DELETE", "/api/v1/admin/tokens/{id}", administrator},
    {"GET", "/api/v1/admin/operations", administrator},
    {"GET", "/api/v1/admin/operations/{id}", administrator},
    {"DELETE", "/api/v1/admin/operations/{id}", administrator},
    {"POST", "/api/v1/admin/{kind}", administrator},
    {"POST", "/worker/v1/register", everyone},
    {"POST", "/worker/v1/builds/{id}/heartbeat", worker},
    {"POST", "/worker/v1/builds/{id}/phase", worker},
    {"POST", "/worker/v1/builds/{id}/log", worker},
    {"GET", "/worker/v1/builds/{id}/context", worker},
    {"POST", "/worker/v1/builds/{id}/finish", worker},
    {"POST", "/hooks/{trigger}", everyone},
    {"GET", "/healthz", everyone},
    {"GET", "/readyz", everyone},
    {"GET", "/metrics", everyone},
};

/// The whole server without a socket, with an image and a running build in app/web.
class World : public ApiFixture {
 public:
  explicit World(AnonymousAccess anonymous = AnonymousAccess::none) : open_(anonymous) {
    router_.mount("/v2/", *oci_);
    router_.mount("/api/v1/", *open_api_);
    router_.mount("/hooks/", *open_hooks_);
    router_.mount("/worker/v1/", *open_workers_);
    router_.mount("/", *ops_);
    const RepositoryName repository = *RepositoryName::parse("app/web");
    const std::string config = "{}";
    digest_ = digest_of(config).to_string();
    EXPECT_TRUE(registry_->put_blob(repository, digest_of(config), config).ok());
    const std::string manifest =
        R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{)"
        R"("mediaType":"application/vnd.oci.image.config.v1+json","digest":")" + digest_ +
        R"(","size":2},"layers":[]})";
    EXPECT_TRUE(registry_
                    ->put_manifest(repository, *parse_reference("latest"), manifest,
                                   "application/vnd.oci.image.manifest.v1+json")
                    .ok());
    TriggerRequest request(repository);
    request.git_url = "https://git.example.com/pager.git";
    auto made = triggers_.create(request);
    EXPECT_TRUE(made.ok());
    trigger_ = std::move(*made);
    build_ = submit("app/web");
  }

  void TestBody() override {}

  HttpRouter& router() { return router_; }

  /// The secret of one of these; empty for anonymous.
  std::string secret_of(Who who) {
    if (who <= Who::anonymous_push) return "";
    if (who <= Who::other_admin) {
      constexpr std::array actions{Action::pull, Action::push, Action::delete_, Action::build,
                                   Action::admin};
      const int index = static_cast<int>(who) - static_cast<int>(Who::app_pull);
      return token("one", {{index < 5 ? "app/**" : "other/**",
                            {actions[static_cast<std::size_t>(index) % actions.size()]}}});
    }
    if (who == Who::expired) {
      const auto made = tokens_.create("old", {{"**", Actions::all()}}, clock_.now() + 1h);
      clock_.advance(1h);
      return made->secret;
    }
    if (who == Who::revoked) {
      const auto made = tokens_.create("lost", {{"**", Actions::all()}});
      EXPECT_TRUE(tokens_.revoke(made->token.id).ok());
      return made->secret;
    }
    if (who == Who::worker) return run(build_).token;
    if (who == Who::worker_of_another_build) {
      run(build_);
      return run(submit("app/api")).token;
    }
    if (who == Who::replaced_worker) {
      Registration old = run(build_);
      const BuildFailure lost{FailureClass::infrastructure, "lost", "the node is gone", {}};
      EXPECT_TRUE(queue_->fail({build_, 1}, lost).ok());
      clock_.advance(10min);
      run(build_);
      return old.token;
    }
    return administrator_;
  }

  [[nodiscard]] std::string target(std::string_view path) const {
    const bool of_trigger = path.find("triggers/") != path.npos;
    const std::map<std::string, std::string, std::less<>> values{
        {"{repository}", "app/web"}, {"{digest}", digest_},   {"{reference}", "latest"},
        {"{upload}", "nonsense"},    {"{trigger}", trigger_.id},
        {"{kind}", "scrub"},
        {"{id}", of_trigger ? trigger_.id : build_}};
    std::string text(path);
    for (const auto& [name, value] : values)
      if (const std::size_t at = text.find(name); at != text.npos)
        text.replace(at, name.size(), value);
    EXPECT_EQ(text.find('{'), text.npos) << path;
    return text;
  }

  Answer ask(std::string_view method, std::string_view path, const std::string& secret) {
    const std::string body = method == "POST" || method == "PUT" ? "{}" : "";
    Fields fields{{"Content-Type", "application/json"}};
    if (!secret.empty()) fields.emplace_back("Authorization", "Bearer " + secret);
    if (path.starts_with("/hooks/"))
      fields.emplace_back("X-Hub-Signature-256",
                          "sha256=" + to_hex(hmac_sha256(trigger_.secret, body)));
    return exchange(router_, method, target(path), body, fields);
  }

 private:
  const AccessPolicy open_;
  BuildHandlerParts open_parts_{*metadata_, *registry_,   *queue_,        logs_, triggers_,
                                tokens_,    maintenance_, authenticator_, open_, clock_,
                                Log::none()};
  std::unique_ptr<HttpHandler> oci_ = make_oci_handler(*registry_, authenticator_, open_);
  std::unique_ptr<HttpHandler> open_api_ = make_build_handler(open_parts_, options_);
  std::unique_ptr<HttpHandler> open_hooks_ = make_webhook_handler(open_parts_, options_);
  std::unique_ptr<HttpHandler> open_workers_ = make_worker_handler(open_parts_, options_);
  std::unique_ptr<HttpHandler> ops_ =
      make_ops_handler(Metrics::none(), [] { return Result<void>(); });
  HttpRouter router_;
  std::string digest_;
  Trigger trigger_{{}, TriggerRequest(*RepositoryName::parse("app/web")), {}, {}};
  std::string build_;
};

AnonymousAccess anonymous_of(Who who) {
  if (who == Who::anonymous_pull) return AnonymousAccess::pull;
  if (who == Who::anonymous_push) return AnonymousAccess::push;
  return AnonymousAccess::none;
}

char letter_of(const Answer& answer, const AccessNeed& need) {
  if (answer.status == 401) return '1';
  if (answer.status == 403) return '3';
  if (answer.status == 404 && need.hides) return '4';
  if (answer.status == 409 && need.kind == AccessNeed::Kind::worker) return '9';
  return 'y';
}

/// What all of them get, spaced as the lines are.
std::string outcome(const Line& line, const AccessNeed& need) {
  std::string letters;
  std::size_t at = 0;
  for (int who = 0; who < whos; ++who, ++at) {
    if (line.expected.at(at) == ' ') letters.push_back(' '), ++at;
    World world(anonymous_of(Who{who}));
    const std::string secret = world.secret_of(Who{who});
    const Answer answer = world.ask(line.method, line.path, secret);
    letters.push_back(letter_of(answer, need));
    if (line.method == "GET" && (need.open || need.kind == AccessNeed::Kind::everyone)) {
      EXPECT_EQ(world.ask("HEAD", line.path, secret).status, answer.status)
          << "HEAD " << line.path << ", identity " << who;
    }
  }
  return letters;
}

class AccessTable : public ::testing::TestWithParam<std::size_t> {};

TEST_P(AccessTable, DecidesForEachIdentity) {
  const AccessRow& row = access_table[GetParam()];
  const auto line = std::find_if(std::begin(lines), std::end(lines), [&](const Line& other) {
    return other.method == to_string(row.method) && other.path == row.path;
  });
  ASSERT_NE(line, std::end(lines)) << to_string(row.method) << ' ' << row.path
                                   << " has no line in this test: add what each may do";
  EXPECT_EQ(outcome(*line, row.need), line->expected) << line->method << ' ' << line->path;
}

INSTANTIATE_TEST_SUITE_P(Row, AccessTable, ::testing::Range<std::size_t>(0, access_table.size()),
                         [](const auto& tested) {
                           std::string name(to_string(access_table[tested.param].method));
                           for (const char c : access_table[tested.param].path)
                             name.push_back(std::isalnum(static_cast<unsigned char>(c)) ? c : '_');
                           return name;
                         });

TEST(AccessTables, EachRowIsThereOnceAndEachIsARoute) {
  World world;
  std::set<std::pair<HttpMethod, std::string_view>> seen;
  for (const AccessRow& row : access_table) {
    EXPECT_TRUE(seen.emplace(row.method, row.path).second) << row.path;
    HttpRequest request;
    const std::string target = world.target(row.path);
    request.target = target;
    EXPECT_NE(world.router().route_name(request), "none") << row.path;
  }
  EXPECT_EQ(std::size(lines), access_table.size());
}

TEST(AccessTables, WhatHasNoRowIsNoMethod) {
  for (const AccessRow& row : access_table)
    for (const std::string_view method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
      if (find_access_row(parse_http_method(method), "", row.path) != nullptr) continue;
      World world;
      const Answer answer = world.ask(method, row.path, world.secret_of(Who::administrator));
      EXPECT_EQ(answer.status, 405) << method << ' ' << row.path;
      EXPECT_NE(answer.response.field("Allow"), "") << method << ' ' << row.path;
    }
}

}  // namespace
}  // namespace slipway::test
