// Every kind of identity against every route: what the access table says is what the handlers do.
#include "http/access_table.hpp"

#include <algorithm>
#include <set>

#include "tests/http/access_world.hpp"

namespace slipway::test {
namespace {

constexpr int whos = 19;

/// One line for each row of the table. y: may; 1: 401; 3: 403; 4: 404, as if it were not there;
/// 9: 409, stop.
struct Line {
  std::string_view method, path, expected;
};
//                                   anonymous  app    other  gone  workers  administrator
constexpr std::string_view everyone      = "yyy yyyyy yyyyy yy yyy y";
constexpr std::string_view trade         = "1yy yyyyy yyyyy 11 y1y y";
constexpr std::string_view greeting      = "11y yyyyy yyyyy 11 y1y y";
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
    {"GET", "/v2/token", trade},
    {"POST", "/v2/token", everyone},  // its form says who asks
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
    {"GET", "/api/v1/builds/{id}/events", see_build},
    {"GET", "/api/v1/events", known},
    {"GET", "/api/v1/builds/{id}/explain", see_build},
    {"GET", "/api/v1/queue", known},
    {"POST", "/api/v1/builds/{id}/cancel", see_build},
    {"POST", "/api/v1/builds/{id}/retry", see_build},
    {"POST", "/api/v1/repositories/{repository}/builds", build},
    {"POST", "/api/v1/repositories/{repository}/contexts", build},
    {"POST", "/api/v1/repositories/{repository}/triggers", build},
    {"GET", "/api/v1/repositories/{repository}/triggers", build},
    {"GET", "/api/v1/repositories/{repository}/triggers/{id}", build},
    {"DELETE", "/api/v1/repositories/{repository}/triggers/{id}", build},
    {"POST", "/api/v1/repositories/{repository}/triggers/{id}/resume", build},
    {"GET", "/api/v1/repositories/{repository}/triggers/{id}/deliveries", build},
    {"GET", "/api/v1/repositories/{repository}/triggers/{id}/deliveries/{delivery}", build},
    {"POST", "/api/v1/repositories/{repository}/triggers/{id}/deliveries/{delivery}/replay", build},
    {"GET", "/api/v1/repositories", known},
    {"GET", "/api/v1/repositories/{repository}/manifests/{reference}", see},
    {"GET", "/api/v1/repositories/{repository}/tags", see},
    {"POST", "/api/v1/admin/tokens", administrator},
    {"GET", "/api/v1/admin/tokens", administrator},
    {"DELETE", "/api/v1/admin/tokens/{id}", administrator},
    {"POST", "/api/v1/admin/notifications", administrator},
    {"GET", "/api/v1/admin/notifications", administrator},
    {"GET", "/api/v1/admin/notifications/{id}", administrator},
    {"DELETE", "/api/v1/admin/notifications/{id}", administrator},
    {"POST", "/api/v1/admin/notifications/{id}/ping", administrator},
    {"GET", "/api/v1/admin/notifications/{id}/deliveries", administrator},
    {"GET", "/api/v1/admin/notifications/{id}/deliveries/{delivery}", administrator},
    {"POST", "/api/v1/admin/notifications/{id}/deliveries/{delivery}/redeliver", administrator},
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
    {"GET", "/openapi.json", everyone},
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
      if (find_access_row(parse_http_method(method), "", row.path)) continue;
      if (method == "POST" && row.path == "/api/v1/admin/operations") continue;  // a {kind}: 404
      World world;
      const Answer answer = world.ask(method, row.path, world.secret_of(Who::administrator));
      EXPECT_EQ(answer.status, 405) << method << ' ' << row.path;
      EXPECT_NE(answer.response.field("Allow"), "") << method << ' ' << row.path;
    }
}

}  // namespace
}  // namespace slipway::test
