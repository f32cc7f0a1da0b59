#include <slipway/auth/bearer_tokens.hpp>

#include <gtest/gtest.h>

#include <slipway/storage/memory_metadata_store.hpp>
#include <slipway/support/hasher.hpp>

namespace slipway {
namespace {

using namespace std::chrono_literals;

TokenScopes scopes_of(std::string_view text) { return parse_scopes(text).value(); }

TEST(TokenScopes, AreReadAsClientsWriteThem) {
  struct Case {
    std::string_view text, read;
  };
  const Case cases[] = {
      {"", ""},
      {"repository:app/web:pull", "repository:app/web:pull"},
      {"repository:app/web:push,pull", "repository:app/web:pull,push"},
      {"repository:app:pull repository:lib:pull,push", "repository:app:pull repository:lib:pull,push"},
      {"repository:app:pull  repository:app:push ", "repository:app:pull,push"},
      {"repository:app:*", "repository:app:pull,push,delete"},
      {"repository:app:delete,admin,build", "repository:app:delete"},
      {"repository(plugin):app:pull", "repository:app:pull"},
      {"registry:catalog:*", "registry:catalog:*"},
      {"registry:catalog:* repository:app:pull", "repository:app:pull registry:catalog:*"},
      {"registry:catalog:pull", ""},
      {"repository:app", ""},
      {"repository:app:", ""},
      {"repository:Not Valid:pull", ""},
      {"repository:**:pull", ""},
      {"something:app:pull", ""},
      {":::", ""},
  };
  for (const Case& c : cases) EXPECT_EQ(to_string(scopes_of(c.text)), c.read) << c.text;
}

TEST(TokenScopes, AreBounded) {
  std::string text;
  for (int i = 0; i < 64; ++i) text += "repository:app" + std::to_string(i) + ":pull ";
  EXPECT_TRUE(parse_scopes(text).ok());
  EXPECT_TRUE(parse_scopes(text + "repository:app3:push").ok()) << "the same once more";
  EXPECT_EQ(parse_scopes(text + "repository:one/more:pull").error().code, ErrorCode::too_large);
}

class BearerTokensTest : public ::testing::Test {
 protected:
  std::string secret(std::vector<Grant> grants, std::optional<Timestamp> expires = {}) {
    auto made = tokens_.create("ci", std::move(grants), expires);
    EXPECT_TRUE(made.ok());
    id_ = made->token.id;
    return made->secret;
  }
  std::string issue(const std::string& from, std::string_view scopes) {
    return bearers_->issue(from, scopes_of(scopes)).value();
  }
  std::optional<Identity> verify(const std::string& token) {
    return bearers_->verify(token).value();
  }
  static bool may(const Identity& identity, Action action, std::string_view repository,
                  AnonymousAccess anonymous = AnonymousAccess::none) {
    return AccessPolicy(anonymous).allows(identity, action, repository);
  }

  std::unique_ptr<MetadataStore> metadata_ = make_memory_metadata_store();
  ManualClock clock_{*parse_rfc3339("2026-11-24T09:05:03.007Z")};
  TokenStore tokens_{*metadata_, clock_};
  std::unique_ptr<BearerTokens> bearers_ = *BearerTokens::open(*metadata_, clock_, {&tokens_});
  std::string id_;
};

TEST_F(BearerTokensTest, MayDoWhatBothGrantsAndScopesAllow) {
  const std::string from = secret({{"app/**", {Action::pull, Action::push, Action::build}}});
  const auto identity = verify(issue(from, "repository:app/web:pull,delete repository:lib:pull"));
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->kind, Identity::Kind::token);
  EXPECT_EQ(identity->name, "ci");
  EXPECT_TRUE(may(*identity, Action::pull, "app/web"));
  EXPECT_FALSE(may(*identity, Action::push, "app/web")) << "not asked for";
  EXPECT_FALSE(may(*identity, Action::pull, "app/api")) << "not asked for";
  EXPECT_FALSE(may(*identity, Action::delete_, "app/web")) << "not granted";
  EXPECT_FALSE(may(*identity, Action::pull, "lib")) << "not granted";
  EXPECT_FALSE(may(*identity, Action::build, "app/web")) << "no scope says it";
  EXPECT_FALSE(may(*identity, Action::admin, ""));
  EXPECT_TRUE(may(*identity, Action::pull, "lib", AnonymousAccess::pull)) << "everyone may";
}

TEST_F(BearerTokensTest, GrantsWhatOfTheScopesIsAllowed) {
  Identity identity;
  identity.kind = Identity::Kind::token;
  identity.grants = {{"app/*", {Action::pull, Action::push}}};
  const auto asked =
      scopes_of("repository:app/web:* repository:lib:pull,push registry:catalog:*");
  EXPECT_EQ(to_string(within(asked, identity, AccessPolicy(AnonymousAccess::none))),
            "repository:app/web:pull,push registry:catalog:*");
  EXPECT_EQ(to_string(within(asked, identity, AccessPolicy(AnonymousAccess::pull))),
            "repository:app/web:pull,push repository:lib:pull registry:catalog:*");
  EXPECT_EQ(to_string(within(asked, Identity(), AccessPolicy(AnonymousAccess::pull))),
            "repository:app/web:pull repository:lib:pull");
}

TEST_F(BearerTokensTest, EndsWithItsTime) {
  const std::string token = issue(secret({{"**", Actions::all()}}), "repository:app:pull");
  clock_.advance(299s);
  EXPECT_TRUE(verify(token));
  clock_.advance(1s);
  EXPECT_FALSE(verify(token));
}

TEST_F(BearerTokensTest, LivesForAMinuteAtLeast) {
  const auto brief = *BearerTokens::open(*metadata_, clock_, {&tokens_}, 1s);
  EXPECT_EQ(brief->lifetime(), 60s);
}

TEST_F(BearerTokensTest, EndsWithTheTokenThatItWasDerivedFrom) {
  const std::string revoked = issue(secret({{"**", Actions::all()}}), "repository:app:pull");
  ASSERT_TRUE(verify(revoked));
  ASSERT_TRUE(tokens_.revoke(id_).ok());
  EXPECT_FALSE(verify(revoked)) << "at once, although it was verified before";

  const std::string expiring =
      issue(secret({{"**", Actions::all()}}, clock_.now() + 10s), "repository:app:pull");
  clock_.advance(9s);
  EXPECT_TRUE(verify(expiring));
  clock_.advance(1s);
  EXPECT_FALSE(verify(expiring));
}

TEST_F(BearerTokensTest, OfNobodyIsEveryones) {
  const auto identity = verify(issue("", "repository:app:pull"));
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->kind, Identity::Kind::anonymous);
  EXPECT_FALSE(may(*identity, Action::pull, "app"));
  EXPECT_TRUE(may(*identity, Action::pull, "app", AnonymousAccess::pull));
  EXPECT_FALSE(may(*identity, Action::push, "app", AnonymousAccess::pull));
}

TEST_F(BearerTokensTest, NothingIsDerivedFromABearerToken) {
  const std::string token = issue(secret({{"**", Actions::all()}}), "");
  EXPECT_EQ(bearers_->issue(token, {}).error().code, ErrorCode::unauthenticated);
  EXPECT_EQ(bearers_->issue("slp_short", {}).error().code, ErrorCode::unauthenticated);
}

TEST_F(BearerTokensTest, CannotBeMadeUp) {
  const std::string token = issue(secret({{"**", Actions::all()}}), "repository:app:pull");
  ASSERT_TRUE(verify(token));
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string forged = token;
    forged[i] = forged[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(verify(forged)) << i;
    EXPECT_FALSE(verify(token.substr(0, i))) << i;
  }
  EXPECT_FALSE(verify(token + "A"));
  const auto others_store = make_memory_metadata_store();
  const auto others = *BearerTokens::open(*others_store, clock_, {&tokens_});
  EXPECT_FALSE(others->verify(token)->has_value()) << "each store has a key of its own";
}

TEST_F(BearerTokensTest, IsTheSameAfterARestart) {
  const std::string token = issue(secret({{"**", Actions::all()}}), "repository:app:pull");
  const auto again = *BearerTokens::open(*metadata_, clock_, {&tokens_});
  EXPECT_TRUE(again->verify(token)->has_value());
}

TEST_F(BearerTokensTest, IssuingWritesNothing) {
  const std::string from = secret({{"**", Actions::all()}});
  const auto before = metadata_->counts().writes;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(verify(issue(from, "repository:app:pull,push")));
  EXPECT_EQ(metadata_->counts().writes, before);
}

TEST_F(BearerTokensTest, MustFitAHeaderField) {
  const auto scopes_for = [](char last) {
    std::string text;
    for (char c = 'a'; c <= last; ++c)
      text.append("repository:").append(250, c).append(":pull ");
    return scopes_of(text);
  };
  EXPECT_EQ(bearers_->issue("", scopes_for('o')).error().code, ErrorCode::too_large);
  const std::string token = *bearers_->issue("", scopes_for('k'));
  EXPECT_TRUE(Authenticator({bearers_.get()}).identify("Bearer " + token).ok());
}

constexpr AccessNeed catalog{AccessNeed::Kind::list, Action::pull, true};

TEST_F(BearerTokensTest, TheCatalogHasAScopeOfItsOwn) {
  const std::string from = secret({{"app/*", {Action::pull}}});
  const AccessPolicy policy(AnonymousAccess::none);
  const Identity with = *verify(issue(from, "registry:catalog:*"));
  const Identity without = *verify(issue(from, "repository:app/web:pull"));
  EXPECT_EQ(policy.decide(catalog, with), AccessDecision::allowed);
  EXPECT_EQ(policy.decide(catalog, with, {"app/web", {}}), AccessDecision::allowed);
  EXPECT_EQ(policy.decide(catalog, with, {"lib", {}}), AccessDecision::denied);
  EXPECT_EQ(policy.decide(catalog, without), AccessDecision::out_of_scope);
}

TEST_F(BearerTokensTest, WhatAnotherScopeWouldAllowIsSaid) {
  constexpr AccessNeed push{AccessNeed::Kind::repository, Action::push, true};
  constexpr AccessNeed remove{AccessNeed::Kind::repository, Action::delete_, true};
  const Identity identity = *verify(
      issue(secret({{"app/*", {Action::pull, Action::push}}}), "repository:app/web:pull"));
  const AccessPolicy policy(AnonymousAccess::none);
  EXPECT_EQ(policy.decide(push, identity, {"app/web", {}}), AccessDecision::out_of_scope);
  EXPECT_EQ(policy.check(push, identity, {"app/web", {}}).error().code,
            ErrorCode::unauthenticated);
  EXPECT_EQ(policy.decide(remove, identity, {"app/web", {}}), AccessDecision::denied);
}

}  // namespace
}  // namespace slipway
