#include <slipway/build/registry_context.hpp>

#include <gtest/gtest.h>

#include <slipway/core/media_type.hpp>
#include <slipway/image/manifest.hpp>
#include <slipway/support/hasher.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "tests/http/api_fixture.hpp"

namespace slipway {
namespace {

using test::Answer;
using test::ApiFixture;
using test::exchange;

std::string id_of(const Answer& answer) {
  const auto json = answer.json();
  return std::string(json.root().find("id").text());
}

/// A context that is in the registry already.
class RegistryContextTest : public ApiFixture {
 protected:
  /// A manifest of these layers, which are there.
  Digest put_manifest(std::string_view repository, const std::vector<std::string>& layers) {
    const auto name = *RepositoryName::parse(repository);
    Manifest manifest;
    manifest.media_type = media_type::oci_manifest;
    manifest.artifact_type = "application/vnd.example.sources";
    const auto described = [&](const char* type, const std::string& content) {
      return Descriptor{type, put_blob(repository, content), content.size(), {}, {}, {}, {}};
    };
    manifest.config = described("application/vnd.oci.empty.v1+json", "{}");
    for (const std::string& layer : layers)
      manifest.layers.push_back(described("application/vnd.example.tar", layer));
    const std::string bytes = to_json(manifest);
    const Digest digest = digest_of(bytes);
    EXPECT_TRUE(registry_->put_manifest(name, digest, bytes, media_type::oci_manifest).ok());
    return digest;
  }
  Digest put_blob(std::string_view repository, const std::string& bytes) {
    const Digest digest = digest_of(bytes);
    EXPECT_TRUE(registry_->put_blob(*RepositoryName::parse(repository), digest, bytes).ok());
    return digest;
  }
  Answer submit_context(const std::string& secret, const Digest& digest,
                        std::string_view repository = "") {
    std::string body = R"({"source":{"context":{"digest":")" + digest.to_string() + '"';
    if (!repository.empty()) body += R"(,"repository":")" + std::string(repository) + '"';
    return post("/api/v1/repositories/app/web/builds", body + "}}}", secret);
  }
  std::string context_of_worker(const Registration& worker) {
    return exchange(*workers_, "GET", "/worker/v1/builds/" + worker.build.id + "/context", {},
                    bearer(worker.token))
        .text;
  }
};

TEST_F(RegistryContextTest, IsTheOnlyLayerOfAnArtifactOfAnotherRepository) {
  const std::string tar = "\x1F\x8B the only layer";
  const Digest artifact = put_manifest("app/sources", {tar});
  const Answer answer = submit_context(builder_, artifact, "app/sources");
  ASSERT_EQ(answer.status, 202) << answer.text;
  const std::string id = id_of(answer);
  ContextSource expected{digest_of(tar), "application/gzip"};
  expected.repository = *RepositoryName::parse("app/sources");
  expected.manifest = artifact;
  EXPECT_EQ(queue_->find(id)->request.source, BuildSource(expected));
  // Whatever becomes of the manifest.
  ASSERT_TRUE(registry_->delete_manifest(*expected.repository, artifact).ok());
  const Registration worker = run(id);
  EXPECT_EQ(context_of_worker(worker), tar);
  // The worker has these bytes, and nothing else of a repository of another tenant.
  EXPECT_FALSE(policy_.allows(*authenticator_.identify("Bearer " + worker.token), Action::push,
                              "app/sources"));
}

TEST_F(RegistryContextTest, IsABlobOfItsOwnRepositoryWhoseTypeIsSeen) {
  const Digest zstd = put_blob("app/web", "\x28\xB5\x2F\xFD frames");
  const Answer answer = submit_context(builder_, zstd);
  ASSERT_EQ(answer.status, 202) << answer.text;
  EXPECT_EQ(queue_->find(id_of(answer))->request.source,
            BuildSource(ContextSource{zstd, "application/zstd"}));
  const Answer named = submit_context(builder_, put_blob("app/web", "name"), "app/web");
  ASSERT_EQ(named.status, 202) << named.text;
  EXPECT_EQ(queue_->find(id_of(named))->request.source,
            BuildSource(ContextSource{digest_of("name"), "application/x-tar"}));
}

TEST_F(RegistryContextTest, WhoMayNotPullItMayNotBuildIt) {
  const Digest other = put_blob("other/sources", "a tar");
  EXPECT_EQ(submit_context(builder_, other, "other/sources").status, 404);
  const Answer missing = submit_context(builder_, other, "other/nothing");
  EXPECT_EQ(missing.status, 404) << "no telling whether it is there";
  EXPECT_TRUE(queue_->list({})->builds.empty());

  const Answer allowed = submit_context(administrator_, other, "other/sources");
  ASSERT_EQ(allowed.status, 202) << allowed.text;
  const Registration worker = run(id_of(allowed));
  EXPECT_EQ(context_of_worker(worker), "a tar");
  EXPECT_FALSE(policy_.allows(*authenticator_.identify("Bearer " + worker.token), Action::pull,
                              "other/sources"));
  ASSERT_TRUE(queue_->cancel(worker.build.id, "requested").ok());
  EXPECT_EQ(post("/api/v1/builds/" + worker.build.id + "/retry", "", builder_).status, 404);
  EXPECT_EQ(post("/api/v1/builds/" + worker.build.id + "/retry", "", administrator_).status, 202);
}

TEST_F(RegistryContextTest, WhatIsNoTarIsToldAtOnce) {
  const Digest two = put_manifest("app/sources", {"one", "two"});
  const Answer answer = submit_context(builder_, two, "app/sources");
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.text.find("has 2 layers"), std::string::npos) << answer.text;
  EXPECT_EQ(submit_context(builder_, digest_of("nowhere"), "app/sources").status, 404);
  EXPECT_EQ(submit_context(builder_, two, "App").status, 400);
}

}  // namespace
}  // namespace slipway
