#include <gtest/gtest.h>

#include <slipway/auth/access_policy.hpp>

namespace slipway {
namespace {

Identity known(std::vector<Grant> grants) {
  Identity identity;
  identity.kind = Identity::Kind::token;
  identity.name = "ci";
  identity.grants = std::move(grants);
  return identity;
}

/// For each action, in the order of the enumeration: y when it is allowed.
std::string row(const AccessPolicy& policy, const Identity& identity, std::string_view repository) {
  std::string text;
  for (const Action action :
       {Action::pull, Action::push, Action::delete_, Action::build, Action::admin})
    text.push_back(policy.allows(identity, action, repository) ? 'y' : '-');
  return text;
}

TEST(AccessPolicy, DecidesByIdentityActionAndRepository) {
  const Identity nobody;
  const Identity reader = known({{"app/*", {Action::pull}}});
  const Identity pusher = known({{"app/**", {Action::pull, Action::push}}, {"lib", {Action::pull}}});
  const Identity administrator = known({{"**", Actions::all()}});

  struct Case {
    AnonymousAccess anonymous;
    const Identity* identity;
    std::string_view repository;
    std::string_view allowed;  // pull push delete build admin
  };
  const Case cases[] = {
      {AnonymousAccess::none, &nobody, "app/web", "-----"},
      {AnonymousAccess::none, &nobody, "", "-----"},
      {AnonymousAccess::pull, &nobody, "app/web", "y----"},
      {AnonymousAccess::pull, &nobody, "", "-----"},
      {AnonymousAccess::push, &nobody, "app/web", "yyy--"},
      {AnonymousAccess::push, &nobody, "", "yyy--"},
      {AnonymousAccess::none, &reader, "app/web", "y----"},
      {AnonymousAccess::none, &reader, "app/web/cache", "-----"},
      {AnonymousAccess::none, &reader, "application", "-----"},
      {AnonymousAccess::none, &reader, "", "y----"},
      {AnonymousAccess::push, &reader, "other", "yyy--"},
      {AnonymousAccess::none, &pusher, "app/web/cache", "yy---"},
      {AnonymousAccess::none, &pusher, "lib", "y----"},
      {AnonymousAccess::none, &pusher, "lib/x", "-----"},
      {AnonymousAccess::none, &administrator, "any/thing", "yyyyy"},
      {AnonymousAccess::none, &administrator, "", "yyyyy"},
  };
  for (const Case& c : cases)
    EXPECT_EQ(row(AccessPolicy(c.anonymous), *c.identity, c.repository), c.allowed)
        << c.identity->name << " on \"" << c.repository << "\", anonymous "
        << static_cast<int>(c.anonymous);
}

TEST(AccessPolicy, SaysWhetherNobodyOrSomebodyWasRefused) {
  const AccessPolicy policy(AnonymousAccess::pull);
  EXPECT_EQ(policy.check(Identity(), Action::push, "app").error().code, ErrorCode::unauthenticated);
  EXPECT_EQ(policy.check(known({}), Action::push, "app").error().code, ErrorCode::denied);
  EXPECT_TRUE(policy.check(known({}), Action::pull, "app").ok());
}

TEST(AccessPolicy, AdmitsWhoeverMayDoAnything) {
  EXPECT_FALSE(AccessPolicy(AnonymousAccess::none).admits(Identity()));
  EXPECT_TRUE(AccessPolicy(AnonymousAccess::none).admits(known({})));
  EXPECT_TRUE(AccessPolicy(AnonymousAccess::pull).admits(Identity()));
}

TEST(RepositoryPattern, StarStopsAtSlashesAndTwoStarsDoNot) {
  struct Case {
    std::string_view pattern, repository;
    bool matches;
  };
  const Case cases[] = {
      {"app", "app", true},           {"app", "app2", false},
      {"app/*", "app/web", true},     {"app/*", "app", false},
      {"app/*", "app/a/b", false},    {"app/**", "app/a/b", true},
      {"**", "a/b/c", true},          {"*", "a/b", false},
      {"*/web", "app/web", true},     {"*/web", "a/b/web", false},
      {"**/web", "a/b/web", true},    {"a*c*e", "abcde", true},
      {"a*c*e", "abc/de", false},     {"**/x*y/**", "a/b/xzy/c", true},
      {"**/x*y/**", "a/x/zy/c", false}, {"**a*b", "xa/a-b", true},
      {"", "", true},                 {"", "a", false},
      {"**", "", true},               {"*", "", true},
      {"a**", "a", true},             {"**ab**ba", "ababa", true},
  };
  for (const Case& c : cases)
    EXPECT_EQ(matches_repository(c.pattern, c.repository), c.matches)
        << c.pattern << " on " << c.repository;
}

TEST(RepositoryPattern, ManyStarsEndSoon) {
  std::string pattern;
  for (int i = 0; i < 60; ++i) pattern += "a*";
  const std::string text(255, 'a');
  EXPECT_TRUE(matches_repository(pattern, text));
  EXPECT_FALSE(matches_repository(pattern + "b", text));  // exponential if each star were retried
}

TEST(AnonymousAccess, IsReadFromItsNames) {
  EXPECT_EQ(parse_anonymous_access("none"), AnonymousAccess::none);
  EXPECT_EQ(parse_anonymous_access("pull"), AnonymousAccess::pull);
  EXPECT_EQ(parse_anonymous_access("push"), AnonymousAccess::push);
  EXPECT_EQ(parse_anonymous_access("Push"), std::nullopt);
}

TEST(Action, NamesGoBothWays) {
  for (const Action action :
       {Action::pull, Action::push, Action::delete_, Action::build, Action::admin})
    EXPECT_EQ(parse_action(to_string(action)), action);
  EXPECT_EQ(to_string(Action::delete_), "delete");
  EXPECT_EQ(parse_action("delete_"), std::nullopt);
}

}  // namespace
}  // namespace slipway
