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
  const Identity owner = known({{"*", Actions::all()}, {"app/**", Actions::all()}});

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
      {AnonymousAccess::push, &nobody, "", "-----"},
      {AnonymousAccess::none, &reader, "app/web", "y----"},
      {AnonymousAccess::none, &reader, "app/web/cache", "-----"},
      {AnonymousAccess::none, &reader, "application", "-----"},
      {AnonymousAccess::none, &reader, "", "-----"},
      {AnonymousAccess::push, &reader, "other", "yyy--"},
      {AnonymousAccess::none, &pusher, "app/web/cache", "yy---"},
      {AnonymousAccess::none, &pusher, "lib", "y----"},
      {AnonymousAccess::none, &pusher, "lib/x", "-----"},
      {AnonymousAccess::none, &administrator, "any/thing", "yyyyy"},
      {AnonymousAccess::none, &administrator, "", "yyyyy"},
      {AnonymousAccess::none, &owner, "app/web", "yyyyy"},
      {AnonymousAccess::none, &owner, "", "-----"},
  };
  for (const Case& c : cases)
    EXPECT_EQ(row(AccessPolicy(c.anonymous), *c.identity, c.repository), c.allowed)
        << c.identity->name << " on \"" << c.repository << "\", anonymous "
        << static_cast<int>(c.anonymous);
}

constexpr AccessNeed pull_images{AccessNeed::Kind::repository, Action::pull, true};
constexpr AccessNeed push_images{AccessNeed::Kind::repository, Action::push, true};
constexpr AccessNeed read_repository{AccessNeed::Kind::repository, Action::pull, false, true};
constexpr AccessNeed see_build{AccessNeed::Kind::build, Action::build, false, true};

TEST(AccessPolicy, SaysWhetherNobodyOrSomebodyWasRefused) {
  const AccessPolicy policy(AnonymousAccess::pull);
  const auto refusal = [&](const AccessNeed& need, const Identity& identity) {
    return policy.check(need, identity, {"app", "01J"}).error();
  };
  EXPECT_EQ(refusal(push_images, Identity()).code, ErrorCode::unauthenticated);
  EXPECT_EQ(refusal(push_images, known({})).code, ErrorCode::denied);
  EXPECT_TRUE(policy.check(pull_images, known({}), {"app", {}}).ok());
  EXPECT_EQ(refusal(read_repository, Identity()).code, ErrorCode::unauthenticated)
      << "what is open is /v2/";
  EXPECT_EQ(AccessPolicy(AnonymousAccess::none).check(read_repository, known({}), {"app", {}}).error(),
            Error(ErrorCode::not_found, "there is no repository app"));
  EXPECT_EQ(refusal(see_build, known({})), Error(ErrorCode::not_found, "there is no build 01J"));
}

TEST(AccessPolicy, ARouteThatSaysNothingIsForNobody) {
  const Identity administrator = known({{"**", Actions::all()}});
  EXPECT_EQ(AccessPolicy(AnonymousAccess::push).decide(AccessNeed(), administrator),
            AccessDecision::denied);
}

TEST(AccessPolicy, GreetsWhoeverMayDoAnything) {
  constexpr AccessNeed greeting{AccessNeed::Kind::greeting, Action::pull, true};
  const auto greets = [&](AnonymousAccess anonymous, const Identity& identity) {
    return AccessPolicy(anonymous).decide(greeting, identity) == AccessDecision::allowed;
  };
  EXPECT_FALSE(greets(AnonymousAccess::none, Identity()));
  EXPECT_TRUE(greets(AnonymousAccess::none, known({})));
  EXPECT_FALSE(greets(AnonymousAccess::pull, Identity())) << "so that clients send their token";
  EXPECT_TRUE(greets(AnonymousAccess::push, Identity()));
}

TEST(AccessPolicy, LetsAWorkerCallForItsOwnBuildOnly) {
  constexpr AccessNeed worker{AccessNeed::Kind::worker};
  Identity identity = known({{"**", Actions::all()}});
  identity.kind = Identity::Kind::worker;
  identity.build = "01J";
  const AccessPolicy policy(AnonymousAccess::push);
  EXPECT_EQ(policy.decide(worker, identity, {{}, "01J"}), AccessDecision::allowed);
  EXPECT_EQ(policy.decide(worker, identity, {{}, "01K"}), AccessDecision::denied);
  EXPECT_EQ(policy.decide(worker, Identity(), {{}, "01J"}), AccessDecision::unauthenticated);
  EXPECT_EQ(policy.decide(worker, Identity(), {{}, ""}), AccessDecision::unauthenticated);
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
