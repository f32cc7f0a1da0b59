#include "tests/transfer/image_fixture.hpp"

#include <algorithm>
#include <fstream>

#include <slipway/image/manifest.hpp>

#include "transfer/import_plan.hpp"

namespace slipway::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

void write_files(const std::filesystem::path& folder, const Files& files) {
  for (const auto& [name, bytes] : files) {
    std::filesystem::create_directories((folder / name).parent_path());
    std::ofstream(folder / name, std::ios::binary) << bytes;
  }
}

// ---- layouts ----

TEST_F(ImageTest, ALayoutsFilesInAnyOrderAreOneImage) {
  const SimpleImage image;
  Files files = image.layout();
  for (int turn = 0; turn < 5; ++turn) {
    std::rotate(files.begin(), files.begin() + 1, files.end());
    const std::string tag = "turn" + std::to_string(turn);
    const auto imported = import(files, {}, tag);
    ASSERT_TRUE(imported.ok()) << message_of(imported);
    EXPECT_EQ(imported->digest.to_string(), digest_text(image.manifest));
    EXPECT_EQ(tagged(tag), image.manifest);
    EXPECT_EQ(imported->blobs_sent, turn == 0 ? 2U : 0U);
    EXPECT_EQ(imported->blobs_there, turn == 0 ? 0U : 2U);
  }
}

TEST_F(ImageTest, FromAPipeItIsSentAsItComes) {
  const SimpleImage image;
  Files files = image.layout();
  for (int turn = 0; turn < 5; ++turn) {
    std::rotate(files.begin(), files.begin() + 1, files.end());
    const auto imported = import_once(files);
    ASSERT_TRUE(imported.ok()) << message_of(imported);
    EXPECT_EQ(tagged(), image.manifest);
  }
}

TEST_F(ImageTest, AFolderIsTheSame) {
  const SimpleImage image;
  const TemporaryFolder folder;
  write_files(folder.path(), image.layout());
  const auto source = open_layout_source(folder.path());
  ASSERT_TRUE(source.ok());
  const auto imported = import(**source);
  ASSERT_TRUE(imported.ok()) << message_of(imported);
  EXPECT_EQ(tagged(), image.manifest);
  EXPECT_EQ(events_.total, image.layer.size() + image.config.size());
  EXPECT_EQ(events_.sum, events_.total);
}

TEST_F(ImageTest, AllPlatformsOfAnIndexAndItsIndexes) {
  const SimpleImage amd("amd's layer");
  const SimpleImage arm("arm's layer", "arm64");
  const std::string inner = index_json({arm.descriptor()});
  const std::string index = index_json({amd.descriptor(), descriptor_json(oci_index_type, inner)});
  Files files = amd.blobs();
  for (const auto& file : arm.blobs()) files.push_back(file);
  files.push_back(blob(inner));
  files.push_back(blob(index));
  files.emplace_back("index.json", index_json({descriptor_json(oci_index_type, index)}));
  files.emplace_back("oci-layout", layout_version);
  const auto imported = import(files);
  ASSERT_TRUE(imported.ok()) << message_of(imported);
  EXPECT_EQ(imported->manifests, 4U);
  EXPECT_EQ(tagged(), index);
  EXPECT_TRUE(has_manifest(amd.manifest));
  EXPECT_TRUE(has_manifest(arm.manifest));
  EXPECT_TRUE(has_blob(arm.layer));
}

TEST_F(ImageTest, WhatTheServerHasElsewhereIsMounted) {
  const SimpleImage image;
  MemorySource source(tar_of(image.layout()));
  RegistryClient other = registry("other/repository");
  ASSERT_TRUE(import_image(source, other, *parse_reference("1"), {}, events_).ok());
  const auto imported = import(image.layout());
  ASSERT_TRUE(imported.ok()) << message_of(imported);
  EXPECT_EQ(imported->blobs_sent, 0U);
  EXPECT_EQ(imported->blobs_there, 2U);
}

TEST_F(ImageTest, ReferrersThatTheIndexNamesComeAlong) {
  const SimpleImage image;
  const std::string signature = image_json(
      "{}", {"a signature"}, ",\"subject\":" + image.descriptor());
  const std::string of_signature = image_json(
      "{}", {"of a signature"}, ",\"subject\":" + descriptor_json(oci_manifest_type, signature));
  const std::string by_tag = image_json("{}", {"by tag"}, ",\"subject\":" + image.descriptor());
  const std::string tag_index = index_json({descriptor_json(oci_manifest_type, by_tag)});
  const std::string foreign = image_json(
      "{}", {"foreign"}, ",\"subject\":" + descriptor_json(oci_manifest_type, "something else"));
  Files files = image.blobs();
  for (const std::string& bytes : {std::string("{}"), std::string("a signature"),
                                   std::string("of a signature"), std::string("by tag"),
                                   std::string("foreign"), signature, of_signature, by_tag,
                                   tag_index, foreign})
    files.push_back(blob(bytes));
  std::string fallback = digest_text(image.manifest);
  fallback[fallback.find(':')] = '-';
  files.emplace_back(
      "index.json",
      index_json({descriptor_json(oci_manifest_type, of_signature),
                  descriptor_json(oci_manifest_type, signature), image.descriptor(),
                  descriptor_json(oci_index_type, tag_index, named(fallback)),
                  descriptor_json(oci_manifest_type, foreign)}));
  files.emplace_back("oci-layout", layout_version);
  const auto imported = import(files);
  ASSERT_TRUE(imported.ok()) << message_of(imported);
  EXPECT_EQ(tagged(), image.manifest);
  EXPECT_TRUE(has_manifest(signature));
  EXPECT_TRUE(has_manifest(of_signature));
  EXPECT_TRUE(has_manifest(by_tag));
  EXPECT_FALSE(has_manifest(foreign));
  EXPECT_FALSE(has_blob("foreign"));
  const auto referrers = registry().referrers(digest_of(image.manifest));
  ASSERT_TRUE(referrers.ok());
  EXPECT_EQ(referrers->size(), 2U);
}

Files two_images(const SimpleImage& one, const SimpleImage& two) {
  Files files = one.blobs();
  for (const auto& file : two.blobs()) files.push_back(file);
  files.emplace_back("index.json", index_json({one.descriptor(named("1.0")),
                                               two.descriptor(named("2.0"))}));
  files.emplace_back("oci-layout", layout_version);
  return files;
}

TEST_F(ImageTest, OneOfSeveralIsChosenByNameTagOrDigest) {
  const SimpleImage one("one");
  const SimpleImage two("two");
  const Files files = two_images(one, two);
  EXPECT_THAT(message_of(import(files)),
              AllOf(HasSubstr("2 images"), HasSubstr("--ref"), HasSubstr("1.0, 2.0")));
  EXPECT_THAT(message_of(import(files, {.ref = "3.0"})),
              AllOf(HasSubstr("\"3.0\""), HasSubstr("1.0, 2.0")));
  EXPECT_EQ(tagged(), "");
  ASSERT_TRUE(import(files, {.ref = "2.0"}).ok());
  EXPECT_EQ(tagged(), two.manifest);
  EXPECT_FALSE(has_blob("one"));
  ASSERT_TRUE(import(files, {.ref = digest_text(one.manifest)}).ok());
  EXPECT_EQ(tagged(), one.manifest);
  ASSERT_TRUE(import(files, {}, "2.0").ok());
  EXPECT_EQ(tagged("2.0"), two.manifest);
}

TEST_F(ImageTest, ATargetThatIsADigestIsChecked) {
  const SimpleImage image;
  EXPECT_THAT(message_of(import(image.layout(), {}, digest_text("another"))),
              HasSubstr(digest_text(image.manifest)));
  EXPECT_FALSE(has_manifest(image.manifest));
  EXPECT_TRUE(import(image.layout(), {}, digest_text(image.manifest)).ok());
  EXPECT_TRUE(has_manifest(image.manifest));
}

TEST_F(ImageTest, ASparseIndexWhenItIsAskedFor) {
  const SimpleImage here("here");
  const SimpleImage away("away", "arm64");
  const std::string index = index_json({here.descriptor(), away.descriptor()});
  Files files = here.blobs();
  files.push_back(blob(index));
  files.emplace_back("index.json", index_json({descriptor_json(oci_index_type, index)}));
  files.emplace_back("oci-layout", layout_version);
  EXPECT_THAT(message_of(import(files)), AllOf(HasSubstr(blob_name(away.manifest)),
                                               HasSubstr("missing"), HasSubstr(blob_name(index))));
  EXPECT_FALSE(has_blob("here"));
  ASSERT_TRUE(import(files, {"", true}).ok());
  EXPECT_EQ(tagged(), index);
}

// ---- Docker archives ----

TEST_F(ImageTest, WhatDockerSaved) {
  const std::string low = tar(TarEntry{"etc/", '5'});
  const std::string high = tar(TarEntry{"etc/motd", '0', "hello"});
  const std::string config = config_json({low, high, low});
  const std::string archive =
      tar(TarEntry{"aaa/", '5'}, TarEntry{"aaa/VERSION", '0', "1.0"},
          TarEntry{"aaa/json", '0', "{}"}, TarEntry{"aaa/layer.tar", '0', low},
          TarEntry{"bbb/layer.tar", '0', high},
          TarEntry{"ccc/layer.tar", '2', "", "../aaa/layer.tar"},
          TarEntry{"0123.json", '0', config},
          TarEntry{"manifest.json", '0',
                   R"([{"Config":"0123.json","RepoTags":["app:1"],)"
                   R"("Layers":["aaa/layer.tar","bbb/layer.tar","ccc/layer.tar"]}])"},
          TarEntry{"repositories", '0', R"({"app":{"1":"bbb"}})"});
  std::string first;
  for (const bool once : {false, true}) {
    MemorySource source(archive, once);
    const auto imported = import(source);
    ASSERT_TRUE(imported.ok()) << message_of(imported);
    const std::string bytes = tagged();
    if (!once) first = bytes;
    EXPECT_EQ(bytes, first);
    EXPECT_EQ(imported->media_type, "application/vnd.oci.image.manifest.v1+json");
    const auto manifest = parse_manifest(bytes, imported->media_type);
    ASSERT_TRUE(manifest.ok());
    EXPECT_EQ(manifest->config->digest.to_string(), digest_text(config));
    ASSERT_EQ(manifest->layers.size(), 3U);
    EXPECT_EQ(manifest->layers[0].digest.to_string(), digest_text(low));
    EXPECT_EQ(manifest->layers[1].digest.to_string(), digest_text(high));
    EXPECT_EQ(manifest->layers[2], manifest->layers[0]);
    EXPECT_EQ(manifest->layers[0].media_type, "application/vnd.oci.image.layer.v1.tar");
    if (!once) {
      EXPECT_EQ(events_.sum, events_.total);
    }
    EXPECT_EQ(manifest->layers[0].size, low.size());
  }
}

TEST_F(ImageTest, ALayerThatIsNotWhatDockersConfigSays) {
  const std::string layer = tar(TarEntry{"etc/", '5'});
  const Files files{{"layer.tar", layer},
                    {"config.json", config_json({"another layer"})},
                    {"manifest.json", R"([{"Config":"config.json","Layers":["layer.tar"]}])"}};
  EXPECT_THAT(message_of(import(files)), HasSubstr("layer.tar"));
  EXPECT_THAT(message_of(import_once(files)), HasSubstr("layer.tar"));
  EXPECT_EQ(tagged(), "");
}

TEST(DockerManifest, TypesAreOcisUnlessTheConfigNeedsDockers) {
  const Digest digest = digest_of("layer");
  const std::string config = R"({"config":{"Healthcheck":{"Test":["CMD","true"]}}})";
  EXPECT_EQ(make_docker_manifest(config, {{digest, 5, Compression::gzip}}).bytes,
            R"({"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",)"
            R"("config":{"mediaType":"application/vnd.docker.container.image.v1+json","digest":")" +
                digest_text(config) + R"(","size":50},"layers":[{"mediaType":)"
                R"("application/vnd.docker.image.rootfs.diff.tar.gzip","digest":")" +
                digest_text("layer") + R"(","size":5}]})");
  for (const char* other : {"OnBuild", "Shell"})
    EXPECT_EQ(make_docker_manifest(std::string("{\"config\":{\"") + other + "\":[\"a\"]}}", {}).media_type,
              "application/vnd.docker.distribution.manifest.v2+json");
  EXPECT_EQ(make_docker_manifest(R"({"config":{"Healthcheck":null}})", {}).media_type,
            "application/vnd.oci.image.manifest.v1+json");
  const DockerManifest zstd = make_docker_manifest(
      config, {{digest, 5, Compression::zstd}, {digest, 5, Compression::none}});
  EXPECT_EQ(zstd.media_type, "application/vnd.oci.image.manifest.v1+json");
  EXPECT_THAT(zstd.bytes, AllOf(HasSubstr("vnd.oci.image.layer.v1.tar+zstd"),
                                HasSubstr("vnd.oci.image.layer.v1.tar\""),
                                HasSubstr("vnd.oci.image.config.v1+json")));
}

// ---- what fails leaves the tag where it was ----

TEST_F(ImageTest, AFailureOnTheWayMovesNoTag) {
  const SimpleImage old("old");
  ASSERT_TRUE(import(old.layout()).ok());
  const SimpleImage image("new");
  const std::size_t calls_before = transport_.calls.size();
  ASSERT_TRUE(import(image.layout(), {}, "trial").ok());
  const std::size_t calls = transport_.calls.size() - calls_before;
  for (const std::string& bytes : {image.layer, image.config})
    ASSERT_EQ(exchange(world_.handler(), "DELETE", "/v2/app/web/blobs/" + digest_text(bytes)).status,
              202);
  for (std::size_t broken = 0; broken < calls; ++broken) {
    std::size_t at = 0;
    transport_.before = [&](const std::string&) -> Result<void> {
      if (at++ != broken) return {};
      return Error(ErrorCode::unavailable, "connection reset");
    };
    const auto imported = import(image.layout());
    transport_.before = {};
    if (imported) break;  // what was sent before is not sent again
    EXPECT_THAT(message_of(imported), HasSubstr("connection reset"));
    EXPECT_EQ(tagged(), old.manifest);
  }
}

}  // namespace
}  // namespace slipway::test
