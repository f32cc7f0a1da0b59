#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <slipway/build/trigger.hpp>
#include <slipway/storage/memory_metadata_store.hpp>
#include <slipway/support/ulid.hpp>

#include "build/trigger_json.hpp"
#include "json/writer.hpp"

namespace slipway {
namespace {

RepositoryName name(std::string_view text) {
  return *RepositoryName::parse(text);
}

class TriggerStoreTest : public ::testing::Test {
 protected:
  static TriggerRequest request_for(std::string_view repository) {
    TriggerRequest request(name(repository));
    request.git_url = "https://git.example.com/pager.git";
    return request;
  }

  std::string refusal(const TriggerRequest& request) {
    const auto created = store_.create(request);
    if (created) return "(created)";
    EXPECT_EQ(created.error().code, ErrorCode::invalid_argument);
    return created.error().message;
  }

  std::unique_ptr<MetadataStore> metadata_ = make_memory_metadata_store();
  ManualClock clock_{*parse_rfc3339("2026-11-24T09:05:03.007Z")};
  TriggerStore store_{*metadata_, clock_};
};

TEST_F(TriggerStoreTest, KeepsEveryMember) {
  TriggerRequest request = request_for("app/web");
  request.provider = GitProvider::gitea;
  request.branches = "main|release/.*";
  request.git_tags = "v.*";
  request.paths = {"src/**", "Dockerfile"};
  request.context = "image";
  request.dockerfile = "image/Dockerfile";
  request.tags = {"{tag}", "edge"};
  request.supersede = true;
  const auto created = store_.create(request);
  ASSERT_TRUE(created.ok()) << created.error().message;
  EXPECT_TRUE(is_ulid(created->id));
  EXPECT_EQ(created->secret.size(), 64U);
  EXPECT_EQ(to_rfc3339(created->created), "2026-11-24T09:05:03.007Z");

  const auto found = store_.find(created->id);
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_EQ(trigger_row(*found), trigger_row(*created));
  EXPECT_EQ(found->request.repository.str(), "app/web");
  EXPECT_EQ(found->request.provider, GitProvider::gitea);
  EXPECT_EQ(found->request.git_url, "https://git.example.com/pager.git");
  EXPECT_EQ(found->request.branches, "main|release/.*");
  EXPECT_EQ(found->request.git_tags, "v.*");
  EXPECT_EQ(found->request.paths, (std::vector<std::string>{"src/**", "Dockerfile"}));
  EXPECT_EQ(found->request.context, "image");
  EXPECT_EQ(found->request.dockerfile, "image/Dockerfile");
  EXPECT_EQ(found->request.tags, (std::vector<std::string>{"{tag}", "edge"}));
  EXPECT_TRUE(found->request.supersede);
  EXPECT_EQ(found->secret, created->secret);
  EXPECT_EQ(found->created, created->created);
}

TEST_F(TriggerStoreTest, SecretsDiffer) {
  const auto one = store_.create(request_for("app/web"));
  const auto other = store_.create(request_for("app/web"));
  ASSERT_TRUE(one.ok() && other.ok());
  EXPECT_NE(one->secret, other->secret);
  EXPECT_NE(one->id, other->id);
}

TEST_F(TriggerStoreTest, ListsARepositorysOwnInTheOrderTheyWereMade) {
  std::vector<std::string> expected;
  for (int i = 0; i < 5; ++i) {
    expected.push_back(store_.create(request_for("app/web"))->id);
    ASSERT_TRUE(store_.create(request_for("app/web2")).ok());
    ASSERT_TRUE(store_.create(request_for("app")).ok());
  }
  const auto listed = store_.list(name("app/web"));
  ASSERT_TRUE(listed.ok());
  std::vector<std::string> ids;
  for (const Trigger& trigger : *listed) ids.push_back(trigger.id);
  EXPECT_EQ(ids, expected);
  EXPECT_TRUE(store_.list(name("app/we"))->empty());
}

TEST_F(TriggerStoreTest, RemovesOnlyFromItsRepository) {
  const std::string id = store_.create(request_for("app/web"))->id;
  EXPECT_EQ(store_.remove(name("app/other"), id).error().code, ErrorCode::not_found);
  ASSERT_TRUE(store_.find(id).ok());
  ASSERT_TRUE(store_.remove(name("app/web"), id).ok());
  EXPECT_EQ(store_.find(id).error().code, ErrorCode::not_found);
  EXPECT_TRUE(store_.list(name("app/web"))->empty());
  EXPECT_EQ(store_.remove(name("app/web"), id).error().code, ErrorCode::not_found);
}

TEST_F(TriggerStoreTest, WhatIsNoIdIsNotFound) {
  for (const std::string& id : {std::string(), std::string("x"), std::string(600, 'a'),
                                std::string("01JDCZ0M4Y7W3Q6S8N2V5X9K1\0", 26)})
    EXPECT_EQ(store_.find(id).error().code, ErrorCode::not_found);
}

TEST_F(TriggerStoreTest, MistakesAreToldByTheirMember) {
  TriggerRequest request = request_for("app/web");
  request.branches = "(";
  EXPECT_EQ(refusal(request).substr(0, 22), "branches: pattern \"(\":");
  request = request_for("app/web");
  request.git_tags = "v[";
  EXPECT_EQ(refusal(request).substr(0, 23), "git_tags: pattern \"v[\":");
  request = request_for("app/web");
  request.tags = {"{branch}", "{commit}"};
  EXPECT_EQ(refusal(request),
            "tags: tag template \"{commit}\": {commit} is unknown; use {branch}, {tag} or "
            "{short_sha}");
  request.tags = {};
  EXPECT_EQ(refusal(request), "tags: from 1 to 20 templates");
  request = request_for("app/web");
  request.git_url = "--upload-pack=evil";
  EXPECT_EQ(refusal(request).substr(0, 8), "git.url:");
  request = request_for("app/web");
  request.branches = "";
  EXPECT_EQ(refusal(request),
            "branches and git_tags are both empty: the trigger would build nothing");
  request = request_for("app/web");
  request.dockerfile = "../Dockerfile";
  EXPECT_NE(refusal(request).find("dockerfile"), std::string::npos);
  request = request_for("app/web");
  request.context = "/etc";
  EXPECT_NE(refusal(request).find("context"), std::string::npos);
  request = request_for("app/web");
  request.paths = {"src/**", "!"};
  EXPECT_EQ(refusal(request), "paths: \"!\" excludes nothing; name a path");
  request.paths.assign(101, "a");
  EXPECT_EQ(refusal(request), "paths: at most 100 globs");
  request = request_for("app/web");
  request.branches = "(\\pL{30}){30}";  // small as text, large as a machine
  EXPECT_EQ(refusal(request).substr(0, 9), "branches:");
}

// ---- JSON ----

TEST(TriggerJson, WhatIsLeftOutHasDefaults) {
  const auto request = parse_trigger_request(
      name("app/web"), R"({"provider":"github","git":{"url":"https://h/x"}})");
  ASSERT_TRUE(request.ok()) << request.error().message;
  EXPECT_EQ(request->repository.str(), "app/web");
  EXPECT_EQ(request->branches, ".*");
  EXPECT_EQ(request->git_tags, "");
  EXPECT_TRUE(request->paths.empty());
  EXPECT_EQ(request->context, ".");
  EXPECT_EQ(request->dockerfile, "Dockerfile");
  EXPECT_EQ(request->tags, (std::vector<std::string>{"{branch}", "{short_sha}", "latest"}));
  EXPECT_FALSE(request->supersede);
}

TEST(TriggerJson, MistakesNameTheirMember) {
  struct Row {
    std::string_view json;
    std::string_view member;
  };
  constexpr Row rows[] = {
      {R"({"git":{"url":"https://h/x"}})", "provider"},
      {R"({"provider":"sourceforge","git":{"url":"https://h/x"}})", "provider"},
      {R"({"provider":"github"})", "git"},
      {R"({"provider":"github","git":{}})", "git.url"},
      {R"({"provider":"github","git":{"url":5}})", "git.url"},
      {R"({"provider":"github","git":{"url":"https://h/x","ref":"x"}})", "git.ref"},
      {R"({"provider":"github","git":{"url":"https://h/x"},"branch":"main"})", "branch"},
      {R"({"provider":"github","git":{"url":"https://h/x"},"tags":"latest"})", "tags"},
      {R"({"provider":"github","git":{"url":"https://h/x"},"supersede":"yes"})", "supersede"},
  };
  for (const Row& row : rows) {
    const auto request = parse_trigger_request(name("app/web"), row.json);
    ASSERT_FALSE(request.ok()) << row.json;
    EXPECT_EQ(request.error().code, ErrorCode::invalid_argument);
    EXPECT_NE(request.error().message.find(row.member), std::string::npos)
        << request.error().message;
  }
}

TEST(TriggerJson, ASecretIsWrittenOnlyWhereItIsAskedFor) {
  Trigger trigger{"01JDCZ0M4Y7W3Q6S8N2V5X9K1B", TriggerRequest(name("app/web")), "s3cret", {}};
  json::Writer hidden;
  write_json(hidden, trigger, TriggerSecret::hidden, "https://registry.example.com/hooks/1");
  EXPECT_EQ(hidden.str().find("s3cret"), std::string::npos);
  EXPECT_NE(hidden.str().find(R"("hook_url":"https://registry.example.com/hooks/1")"),
            std::string::npos);
  json::Writer shown;
  write_json(shown, trigger, TriggerSecret::shown);
  EXPECT_NE(shown.str().find(R"("secret":"s3cret")"), std::string::npos);
  EXPECT_EQ(shown.str().find("hook_url"), std::string::npos);
}

}  // namespace
}  // namespace slipway
