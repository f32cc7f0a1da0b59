// What those learn who may not: nothing, not even whether there is something.
#include "http/access_table.hpp"
#include "tests/http/access_world.hpp"

namespace slipway::test {
namespace {

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

/// All that goes over the wire but the date.
std::string whole(const Answer& answer) {
  return std::to_string(answer.status) + "\n" + answer.response.head() + "\n" +
         (answer.response.content_length ? std::to_string(*answer.response.content_length) : "") +
         "\n" + answer.text;
}

constexpr std::string_view there = "app/web";
constexpr std::string_view missing = "app/nil";

/// The same request for what is there and for what is not.
void expect_alike(World& world, std::string_view method, const std::string& target,
                  const Fields& fields) {
  const std::string body = method == "POST" || method == "PUT" ? "{}" : "";
  const std::string other = replaced(target, there, missing);
  ASSERT_NE(other, target);
  const Answer real = exchange(world.router(), method, target, body, fields);
  const Answer nothing = exchange(world.router(), method, other, body, fields);
  EXPECT_GE(real.status, 400) << method << ' ' << target;
  EXPECT_EQ(replaced(whole(real), there, missing), whole(nothing)) << method << ' ' << target;
}

/// Fields of those who have no right on app/web; the last has a bearer token.
std::vector<Fields> outsiders(World& world) {
  const std::string other = world.token("other", {{"other/**", Actions::all()}});
  const Answer answer =
      exchange(world.router(), "GET", "/v2/token?scope=repository:app/web:pull,push,delete", {},
               {{"Authorization", "Bearer " + other}});
  EXPECT_EQ(answer.status, 200);
  std::vector<Fields> all{{}};
  for (const std::string& secret : {other, std::string(answer.json().root().find("token").text())})
    all.push_back({{"Authorization", "Bearer " + secret}});
  all.push_back({{"Authorization", "Bearer slp_" + std::string(64, '0')}});
  return all;
}

TEST(Outsiders, CannotTellARepositoryFromNone) {
  World world;
  for (const Fields& fields : outsiders(world))
    for (const AccessRow& row : access_table) {
      if (row.path.find("{repository}") == row.path.npos) continue;
      std::string target = world.target(row.path);
      expect_alike(world, to_string(row.method), target, fields);
      if (row.method == HttpMethod::get && row.need.open)
        expect_alike(world, "HEAD", target, fields);
    }
}

TEST(Outsiders, CannotTellABuildFromNone) {
  World world;
  std::string other_id = world.build();
  other_id.back() = other_id.back() == '0' ? '1' : '0';
  for (const Fields& fields : outsiders(world))
    for (const AccessRow& row : access_table) {
      if (row.need.kind != AccessNeed::Kind::build) continue;
      const std::string target = world.target(row.path);
      const std::string_view method = to_string(row.method);
      const Answer real = exchange(world.router(), method, target, "", fields);
      const Answer nothing = exchange(world.router(), method,
                                      replaced(target, world.build(), other_id), "", fields);
      EXPECT_GE(real.status, 400) << row.path;
      EXPECT_EQ(replaced(whole(real), world.build(), other_id), whole(nothing)) << row.path;
    }
}

TEST(Outsiders, SeeNoRepositoryInAList) {
  World world;
  for (const Fields& fields : outsiders(world))
    for (const char* list : {"/v2/_catalog", "/v2/_catalog?last=app", "/api/v1/repositories",
                             "/api/v1/builds", "/api/v1/builds?repository=app/web"}) {
      const Answer answer = exchange(world.router(), "GET", list, "", fields);
      EXPECT_EQ(answer.text.find("app"), std::string::npos) << list << answer.text;
    }
}

TEST(Outsiders, NoLinkLeadsOverWhatTheyMayNotSee) {
  World world;
  const std::string secret = world.token("few", {{"b/*", {Action::pull, Action::build}},
                                                 {"zoo", {Action::pull}},
                                                 {"b/*/x", {Action::pull}}});
  for (const char* name : {"a/1", "a/2", "b/1", "b/2", "b/2/x", "b/2/y", "c/1", "zoo", "zoo/9"})
    world.put_blob(name, "x");
  const auto walk = [&](std::string target, std::string_view member) {
    std::string names;
    while (!target.empty()) {
      const Answer answer = exchange(world.router(), "GET", target, "",
                                     {{"Authorization", "Bearer " + secret}});
      EXPECT_EQ(answer.status, 200);
      const json::Document document = answer.json();
      for (const json::Value name : document.root().find(member).elements())
        names.append(name.text()).append(" ");
      const std::string_view link = answer.response.field("Link");
      target = link.empty() ? "" : std::string(link.substr(1, link.find('>') - 1));
      names.append(target.empty() ? "." : "> ");
    }
    return names;
  };
  EXPECT_EQ(walk("/v2/_catalog", "repositories"), "b/1 b/2 b/2/x zoo .");
  EXPECT_EQ(walk("/v2/_catalog?n=1", "repositories"), "b/1 > b/2 > b/2/x > zoo .");
  EXPECT_EQ(walk("/v2/_catalog?n=2", "repositories"), "b/1 b/2 > b/2/x zoo .");
  EXPECT_EQ(walk("/v2/_catalog?n=0", "repositories"), ".");
  EXPECT_EQ(walk("/v2/_catalog?last=b/2", "repositories"), "b/2/x zoo .");
  EXPECT_EQ(walk("/v2/_catalog?last=zoo", "repositories"), ".");
  EXPECT_EQ(walk("/api/v1/repositories?limit=1", "repositories"), "b/1 > b/2 > b/2/x > zoo .");
  EXPECT_EQ(walk("/api/v1/repositories?prefix=a", "repositories"), ".");
  EXPECT_EQ(walk("/api/v1/repositories?prefix=b/2", "repositories"), "b/2 b/2/x .");
  EXPECT_EQ(walk("/api/v1/repositories?prefix=zoo&limit=1", "repositories"), "zoo .");
  for (int i = 0; i < 30; ++i) world.queue_build("app/web");
  EXPECT_EQ(walk("/api/v1/builds?repository=app/web&limit=1", "builds"), ".");
}

TEST(Outsiders, CannotFindABlobByMountingIt) {
  World world;
  const std::string other = world.token("other", {{"other/**", Actions::all()}});
  const std::string absent = "sha256:" + std::string(64, 'a');
  const auto mount = [&](const std::string& query) {
    return exchange(world.router(), "POST", "/v2/other/x/blobs/uploads/?" + query, "",
                    {{"Authorization", "Bearer " + other}});
  };
  for (const std::string& query :
       {"mount=" + world.digest() + "&from=app/web", "mount=" + world.digest() + "&from=app/nil",
        "mount=" + absent + "&from=app/web", "mount=" + world.digest(), "mount=" + absent}) {
    const Answer answer = mount(query);
    EXPECT_EQ(answer.status, 202) << query;
    EXPECT_TRUE(answer.response.field("Location").starts_with("/v2/other/x/blobs/uploads/"));
    EXPECT_EQ(answer.response.field("Docker-Content-Digest"), "");
  }
}

TEST(Outsiders, CannotTellAnothersTriggerFromNone) {
  World world;
  const std::string secret = world.token("api", {{"app/api", {Action::build}}});
  const auto show = [&](const std::string& id) {
    return exchange(world.router(), "GET", "/api/v1/repositories/app/api/triggers/" + id, "",
                    {{"Authorization", "Bearer " + secret}});
  };
  const std::string real = world.target("/hooks/{trigger}").substr(7);
  std::string none = real;
  none.back() = none.back() == '0' ? '1' : '0';
  EXPECT_EQ(show(real).status, 404);
  EXPECT_EQ(replaced(whole(show(real)), real, none), whole(show(none)));
}

}  // namespace
}  // namespace slipway::test
