#include <gtest/gtest.h>

#include <slipway/auth/token.hpp>
#include <slipway/storage/memory_metadata_store.hpp>
#include <slipway/support/hasher.hpp>

namespace slipway {
namespace {

using namespace std::chrono_literals;

class TokenTest : public ::testing::Test {
 protected:
  std::unique_ptr<MetadataStore> metadata_ = make_memory_metadata_store();
  ManualClock clock_{*parse_rfc3339("2026-11-24T09:05:03.007Z")};
  TokenStore tokens_{*metadata_, clock_};
  Authenticator authenticator_{{&tokens_}};

  static std::string basic(std::string_view user_and_password) {
    return "Basic " + base64_encode(user_and_password);
  }
};

const std::vector<Grant> pull_app{{"app/*", {Action::pull}}};

TEST_F(TokenTest, ASecretIsShownOnceAndVerified) {
  const auto created = tokens_.create("ci", pull_app);
  ASSERT_TRUE(created.ok());
  EXPECT_EQ(created->secret.size(), 68U);
  EXPECT_TRUE(created->secret.starts_with("slp_"));
  const auto identity = tokens_.verify(created->secret);
  ASSERT_TRUE(identity.ok() && identity->has_value());
  EXPECT_EQ((*identity)->kind, Identity::Kind::token);
  EXPECT_EQ((*identity)->name, "ci");
  EXPECT_EQ((*identity)->grants, pull_app);
  EXPECT_FALSE((*identity)->guard);
}

TEST_F(TokenTest, TheStoreHoldsNoSecret) {
  const auto created = tokens_.create("ci", pull_app);
  const auto view = *metadata_->snapshot();
  const auto cursor = *view->cursor();
  std::size_t rows = 0;
  for (bool found = *cursor->seek(std::string_view("\0", 1)); found; found = *cursor->next()) {
    ++rows;
    for (const std::string_view text : {cursor->key(), cursor->value()})
      EXPECT_EQ(text.find(created->secret.substr(4)), std::string_view::npos);
  }
  EXPECT_EQ(rows, 2U);
}

TEST_F(TokenTest, AWrongSecretIsNobody) {
  auto secret = tokens_.create("ci", pull_app)->secret;
  secret.back() = secret.back() == '0' ? '1' : '0';
  EXPECT_EQ(tokens_.verify(secret)->has_value(), false);
  EXPECT_EQ(tokens_.verify("")->has_value(), false);
  EXPECT_EQ(tokens_.verify("slp_")->has_value(), false);
}

TEST_F(TokenTest, ARevokedTokenIsRefusedAtOnceAlsoAfterItWasUsed) {
  const auto created = tokens_.create("ci", pull_app);
  ASSERT_TRUE(tokens_.verify(created->secret)->has_value());
  TokenStore other(*metadata_, clock_);  // what one store remembers must not outlive the row
  ASSERT_TRUE(other.verify(created->secret)->has_value());
  ASSERT_TRUE(tokens_.revoke(created->token.id).ok());
  EXPECT_FALSE(tokens_.verify(created->secret)->has_value());
  EXPECT_FALSE(other.verify(created->secret)->has_value());
  EXPECT_EQ(tokens_.revoke(created->token.id).error().code, ErrorCode::not_found);
  EXPECT_EQ(tokens_.revoke("no ulid").error().code, ErrorCode::not_found);
  EXPECT_TRUE(*tokens_.empty());
}

TEST_F(TokenTest, ATokenExpires) {
  const auto created = tokens_.create("ci", pull_app, clock_.now() + 1h);
  clock_.advance(59min);
  EXPECT_TRUE(tokens_.verify(created->secret)->has_value());
  clock_.advance(1min);
  EXPECT_FALSE(tokens_.verify(created->secret)->has_value());
}

TEST_F(TokenTest, ListsInTheOrderTheyWereMade) {
  EXPECT_TRUE(*tokens_.empty());
  for (const char* name : {"zeta", "alpha", "mid \"quoted\""}) {
    ASSERT_TRUE(tokens_.create(name, {{"**", Actions::all()}}, clock_.now() + 24h).ok());
    clock_.advance(1s);
  }
  EXPECT_FALSE(*tokens_.empty());
  const auto list = tokens_.list();
  ASSERT_TRUE(list.ok());
  ASSERT_EQ(list->size(), 3U);
  EXPECT_EQ((*list)[0].name, "zeta");
  EXPECT_EQ((*list)[2].name, "mid \"quoted\"");
  EXPECT_EQ((*list)[0].grants, (std::vector<Grant>{{"**", Actions::all()}}));
  EXPECT_EQ((*list)[0].created, *parse_rfc3339("2026-11-24T09:05:03.007Z"));
  EXPECT_EQ((*list)[0].expires, *parse_rfc3339("2026-11-25T09:05:03.007Z"));
}

TEST_F(TokenTest, NeedsANameAndAGrant) {
  EXPECT_EQ(tokens_.create("", pull_app).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(tokens_.create(std::string(101, 'x'), pull_app).error().code,
            ErrorCode::invalid_argument);
  EXPECT_EQ(tokens_.create("ci", {}).error().code, ErrorCode::invalid_argument);
}

TEST_F(TokenTest, AuthorizationIsBasicOrBearer) {
  const std::string secret = tokens_.create("ci", pull_app)->secret;
  for (const std::string& field :
       {"Bearer " + secret, "bearer  " + secret, basic("anyone:" + secret), basic(":" + secret),
        "BASIC " + base64_encode("a:" + secret)}) {
    const auto identity = authenticator_.identify(field);
    ASSERT_TRUE(identity.ok()) << field;
    EXPECT_EQ(identity->name, "ci");
  }
  for (const std::string& field :
       {std::string("Bearer"), "Bearer x" + secret, "Digest " + secret, basic(secret),
        std::string("Basic !!!"), basic(secret + ":"), std::string(10'000, 'x'), secret}) {
    const auto identity = authenticator_.identify(field);
    ASSERT_FALSE(identity.ok()) << field;
    EXPECT_EQ(identity.error().code, ErrorCode::unauthenticated);
    EXPECT_EQ(identity.error().message.find(secret), std::string::npos);
  }
}

TEST_F(TokenTest, NoAuthorizationIsNobody) {
  // The containers/image library answers a Basic challenge with two empty texts when it has none.
  for (const std::string& field : {std::string(), basic(":")}) {
    const auto identity = authenticator_.identify(field);
    ASSERT_TRUE(identity.ok()) << field;
    EXPECT_EQ(identity->kind, Identity::Kind::anonymous);
    EXPECT_TRUE(identity->grants.empty());
  }
  EXPECT_FALSE(authenticator_.identify(basic("ada:")).ok());
}

}  // namespace
}  // namespace slipway
