#include "http/route_table.hpp"

#include <array>

#include <gtest/gtest.h>

namespace slipway {
namespace {

constexpr std::array routes{
    Route{HttpMethod::get, "builds", "builds"},
    Route{HttpMethod::get, "builds/{id}", "build"},
    Route{HttpMethod::post, "builds/{id}/cancel", "cancel"},
    Route{HttpMethod::post, "repositories/{repository}/builds", "submit"},
    Route{HttpMethod::get, "repositories/{repository}/triggers", "triggers"},
    Route{HttpMethod::post, "repositories/{repository}/triggers", "triggers"},
    Route{HttpMethod::get, "repositories/{repository}/triggers/{id}", "trigger"},
};

std::string found(HttpMethod method, std::string_view path) {
  const RouteLookup lookup = find_route(routes, method, path);
  if (!lookup.match) return lookup.allow.empty() ? "-" : "allow " + lookup.allow;
  std::string text(lookup.match->route->name);
  for (const std::string& parameter : lookup.match->parameters) text.append(" ").append(parameter);
  return text;
}

TEST(RouteTable, MatchesFromTheRight) {
  constexpr HttpMethod get = HttpMethod::get;
  constexpr HttpMethod post = HttpMethod::post;
  struct Row {
    HttpMethod method;
    std::string_view path;
    std::string_view expected;
  };
  constexpr Row rows[] = {
      {get, "builds", "builds"},
      {get, "builds/7", "build 7"},
      {get, "builds/", "-"},
      {get, "builds/7/8", "-"},
      {post, "builds/7/cancel", "cancel 7"},
      {get, "builds/7/cancel", "allow POST"},
      {post, "repositories/app/builds", "submit app"},
      {post, "repositories/app/web/builds", "submit app/web"},
      {post, "repositories/a/b/c/d/builds", "submit a/b/c/d"},
      {post, "repositories/app%2Fweb/builds", "submit app/web"},
      {post, "repositories/app%2fweb%2Fbuilds", "submit app/web"},
      {post, "repositories/builds", "-"},
      {post, "repositories//builds", "-"},
      {post, "repositories//app/builds", "submit /app"},  // and no repository is called so
      {get, "repositories/app/web/triggers/7", "trigger app/web 7"},
      {get, "repositories/app/triggers/triggers", "triggers app/triggers"},
      {HttpMethod::delete_, "repositories/app/triggers", "allow GET, POST"},
      {get, "repositories/app/triggers/", "-"},
      {get, "", "-"},
      {get, "builds%", "-"},
      {get, "builds%00", "-"},
      {get, "Builds", "-"},
  };
  for (const Row& row : rows) EXPECT_EQ(found(row.method, row.path), row.expected) << row.path;
}

TEST(RouteTable, NamesAreForAnyMethod) {
  EXPECT_EQ(find_route_name(routes, "repositories/app/web/builds"), "submit");
  EXPECT_EQ(find_route_name(routes, "nothing"), "none");
}

}  // namespace
}  // namespace slipway
