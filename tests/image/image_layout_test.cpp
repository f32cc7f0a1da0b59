#include "image/image_layout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

TEST(ImageLayout, PathsOfBlobs) {
  const Digest digest = *Digest::parse("sha256:" + hex);
  EXPECT_EQ(layout_blob_path(digest), "blobs/sha256/" + hex);
  EXPECT_EQ(parse_layout_blob_path("blobs/sha256/" + hex), digest);
  for (const std::string& path :
       {std::string("blobs/sha256/"), "blobs/md5/" + hex, "blobs/sha256/" + hex + "/x",
        "a/blobs/sha256/" + hex, "blobs/" + hex, std::string(), "blobs/sha256:" + hex})
    EXPECT_EQ(parse_layout_blob_path(path), std::nullopt) << path;
}

TEST(ImageLayout, Version) {
  EXPECT_TRUE(check_layout_version(R"({"imageLayoutVersion": "1.0.0"})").ok());
  EXPECT_TRUE(check_layout_version(layout_version_json()).ok());
  EXPECT_EQ(check_layout_version(R"({"imageLayoutVersion": "1.1.0"})").error().code,
            ErrorCode::unsupported);
  EXPECT_EQ(check_layout_version("{}").error().code, ErrorCode::invalid_argument);
}

TEST(ImageLayout, AnIndexWithItsNames) {
  const auto entries = parse_layout_index(
      R"({"schemaVersion": 2, "manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json",
          "digest": "sha256:)" + hex + R"(", "size": 7, "annotations": {
          "org.opencontainers.image.ref.name": "1.0", "io.containerd.image.name": "docker.io/a/b:1.0"}}]})");
  ASSERT_TRUE(entries.ok()) << entries.error().message;
  ASSERT_EQ(entries->size(), 1U);
  EXPECT_EQ(layout_ref_name(entries->front()), "1.0");
  EXPECT_EQ(layout_full_name(entries->front()), "docker.io/a/b:1.0");
  EXPECT_EQ(*parse_layout_index(layout_index_json(*entries)), *entries);
  EXPECT_EQ(layout_ref_name({"", *Digest::parse("sha256:" + hex), 0, {}, {}, {}, {}}), "");
}

TEST(ImageLayout, DockersManifest) {
  const auto images = parse_docker_archive(
      R"([{"Config": "c.json", "RepoTags": ["app:1", "app:latest"], "Layers": ["a/layer.tar", "b.tar"],
           "LayerSources": {}}, {"Config": "d.json", "RepoTags": null, "Layers": null}])");
  ASSERT_TRUE(images.ok()) << images.error().message;
  EXPECT_THAT(*images,
              ElementsAre(DockerArchiveImage{"c.json", {"app:1", "app:latest"}, {"a/layer.tar", "b.tar"}},
                          DockerArchiveImage{"d.json", {}, {}}));
  EXPECT_THAT(parse_docker_archive(R"([{"Layers": []}])").error().message, HasSubstr("[0].Config"));
  EXPECT_THAT(parse_docker_archive(R"([{"Config": 1}])").error().message, HasSubstr("[0].Config"));
  EXPECT_THAT(parse_docker_archive("{}").error().message, HasSubstr("array"));
}

}  // namespace
}  // namespace slipway
