#include <slipway/image/manifest.hpp>

#include <gtest/gtest.h>

#include <slipway/core/media_type.hpp>

namespace slipway {
namespace {

// The example of the OCI image specification 1.1, "manifest.md".
constexpr std::string_view oci_example = R"({
  "schemaVersion": 2,
  "mediaType": "application/vnd.oci.image.manifest.v1+json",
  "config": {
    "mediaType": "application/vnd.oci.image.config.v1+json",
    "digest": "sha256:b5b2b2c507a0944348e0303114d8d93aaaa081732b86451d9bce1f432a537bc7",
    "size": 7023
  },
  "layers": [
    {
      "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
      "digest": "sha256:9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0",
      "size": 32654
    },
    {
      "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
      "digest": "sha256:3c3a4604a545cdc127456d94e421cd355bca5b528f4a9c1905b15da2eb4a4c6b",
      "size": 16724
    }
  ],
  "subject": {
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "digest": "sha256:5b0bcabd1ed22e9fb1310cf6c2dec7cdef19f0ad69efa1f392e94a4333501270",
    "size": 7682
  },
  "annotations": {"com.example.key1": "value1", "com.example.key2": "value2"}
})";

// The example of Docker's "Image Manifest Version 2, Schema 2", a manifest list.
constexpr std::string_view docker_list_example = R"({
  "schemaVersion": 2,
  "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json",
  "manifests": [
    {
      "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
      "digest": "sha256:e692418e4cbaf90ca69d05a66403747baa33ee08806650b51fab815ad7fc331f",
      "size": 7143,
      "platform": {"architecture": "ppc64le", "os": "linux"}
    },
    {
      "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
      "digest": "sha256:5b0bcabd1ed22e9fb1310cf6c2dec7cdef19f0ad69efa1f392e94a4333501270",
      "size": 7682,
      "platform": {"architecture": "amd64", "os": "linux", "os.features": ["sse4"], "variant": "v2"}
    }
  ]
})";

const std::string config_digest = "sha256:" + std::string(64, '1');
const std::string layer_digest = "sha256:" + std::string(64, '2');

std::string descriptor(std::string_view type, const std::string& digest, std::string_view more = "") {
  return R"({"mediaType": ")" + std::string(type) + R"(", "digest": ")" + digest + R"(", "size": 5)" +
         std::string(more) + "}";
}

/// An image manifest, with `replaced` in place of the member of that name.
std::string image(const std::map<std::string, std::string>& replaced = {}) {
  std::map<std::string, std::string> members{
      {"schemaVersion", "2"},
      {"mediaType", R"("application/vnd.oci.image.manifest.v1+json")"},
      {"config", descriptor("application/vnd.example.config", config_digest)},
      {"layers", "[" + descriptor("text/plain", layer_digest) + "]"}};
  for (const auto& [key, value] : replaced) members[key] = value;
  std::string json;
  for (const auto& [key, value] : members)
    if (!value.empty()) json += (json.empty() ? "{\"" : ", \"") + key + "\": " + value;
  return json + "}";
}

void expect_refused(const std::string& body, std::string_view in_message,
                    std::string_view content_type = media_type::oci_manifest,
                    ErrorCode code = ErrorCode::invalid_argument) {
  const auto manifest = parse_manifest(body, content_type);
  ASSERT_FALSE(manifest.ok()) << body;
  EXPECT_EQ(manifest.error().code, code) << manifest.error().message;
  EXPECT_NE(manifest.error().message.find(in_message), std::string::npos) << manifest.error().message;
}

TEST(Manifest, ExampleOfTheOciSpecification) {
  const auto manifest = parse_manifest(oci_example, media_type::oci_manifest);
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  EXPECT_FALSE(manifest->is_index());
  EXPECT_EQ(manifest->media_type, media_type::oci_manifest);
  EXPECT_EQ(manifest->artifact_type, media_type::oci_config) << "falls back to the config's type";
  EXPECT_EQ(manifest->config->size, 7023U);
  ASSERT_EQ(manifest->layers.size(), 2U);
  EXPECT_EQ(manifest->layers[1].digest.to_string(),
            "sha256:3c3a4604a545cdc127456d94e421cd355bca5b528f4a9c1905b15da2eb4a4c6b");
  EXPECT_EQ(manifest->subject->size, 7682U);
  EXPECT_EQ(manifest->annotations.at("com.example.key2"), "value2");
}

TEST(Manifest, ExampleOfDockersManifestList) {
  const auto manifest = parse_manifest(docker_list_example, media_type::docker_manifest_list);
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  EXPECT_TRUE(manifest->is_index());
  EXPECT_EQ(manifest->artifact_type, "");
  ASSERT_EQ(manifest->manifests.size(), 2U);
  const Platform& platform = *manifest->manifests[1].platform;
  EXPECT_EQ(platform.architecture, "amd64");
  EXPECT_EQ(platform.variant, "v2");
  EXPECT_EQ(platform.os_features, (std::vector<std::string>{"sse4"}));
}

TEST(Manifest, WhatIsWrittenReadsTheSame) {
  for (const auto& [text, type] : {std::pair(oci_example, media_type::oci_manifest),
                                   std::pair(docker_list_example, media_type::docker_manifest_list)}) {
    const Manifest manifest = *parse_manifest(text, type);
    const auto again = parse_manifest(to_json(manifest), type);
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(again->config, manifest.config);
    EXPECT_EQ(again->layers, manifest.layers);
    EXPECT_EQ(again->manifests, manifest.manifests);
    EXPECT_EQ(again->subject, manifest.subject);
    EXPECT_EQ(again->annotations, manifest.annotations);
    EXPECT_EQ(again->artifact_type, manifest.artifact_type);
  }
}

TEST(Manifest, CanonicalJson) {
  Manifest manifest;
  manifest.media_type = media_type::oci_manifest;
  manifest.artifact_type = "application/vnd.example";
  manifest.config = Descriptor{std::string(media_type::oci_empty), *Digest::parse(config_digest), 2, "", {}, {}, {}};
  EXPECT_EQ(to_json(manifest),
            R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
            R"("artifactType":"application/vnd.example",)"
            R"("config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":")" + config_digest +
            R"(","size":2},"layers":[]})");
}

TEST(Manifest, ArtifactTypeIsItsOwnFirst) {
  EXPECT_EQ(parse_manifest(image(), "")->artifact_type, "application/vnd.example.config");
  EXPECT_EQ(parse_manifest(image({{"artifactType", "\"application/x\""}}), "")->artifact_type,
            "application/x");
}

TEST(Manifest, ContentTypeAndMediaTypeMustAgree) {
  EXPECT_TRUE(parse_manifest(image(), "application/vnd.oci.image.manifest.v1+json; charset=utf-8").ok());
  EXPECT_TRUE(parse_manifest(image({{"mediaType", ""}}), media_type::docker_manifest).ok());
  EXPECT_EQ(parse_manifest(image({{"mediaType", ""}}), "")->media_type, media_type::oci_manifest);
  expect_refused(image(), "is not the Content-Type", media_type::docker_manifest);
  expect_refused(image({{"mediaType", ""}}), "application/json", "application/json",
                 ErrorCode::unsupported);
  expect_refused(image({{"mediaType", "7"}}), "mediaType: expected a string");
}

TEST(Manifest, NullIsAnEmptyList) {
  const auto manifest = parse_manifest(image({{"layers", "null"}, {"manifests", "null"}}), "");
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  EXPECT_EQ(manifest->layers.size(), 0U);
}

TEST(Manifest, AmbiguousBodiesAreRefused) {
  expect_refused(image({{"manifests", "[]"}}), "manifests: does not belong");
  const std::string list(docker_list_example);
  const std::string both = "{\"layers\": [], " + list.substr(1);
  expect_refused(both, "layers: does not belong", media_type::docker_manifest_list);
}

TEST(Manifest, DockerSchema1SaysWhatToDo) {
  const std::string body = R"({"schemaVersion": 1, "name": "library/x", "tag": "1", "fsLayers": []})";
  for (const auto type : {media_type::docker_manifest_v1, media_type::docker_manifest_v1_signed,
                          std::string_view(), media_type::docker_manifest})
    expect_refused(body, "schema 1 is not supported; push it with", type, ErrorCode::unsupported);
}

TEST(Manifest, MalformedFieldsAreNamed) {
  expect_refused("[]", "the document: expected an object");
  expect_refused("{", "malformed JSON");
  expect_refused(image({{"schemaVersion", ""}}), "schemaVersion: expected 2");
  expect_refused(image({{"schemaVersion", "3"}}), "schemaVersion: expected 2");
  expect_refused(image({{"config", ""}}), "config: is missing");
  expect_refused(image({{"layers", ""}}), "layers: is missing");
  expect_refused(image({{"layers", "{}"}}), "layers: expected an array");
  expect_refused(image({{"layers", "[7]"}}), "layers[0]: expected an object");
  expect_refused(image({{"config", descriptor("a/b", "sha256:12")}}), "config.digest");
  expect_refused(image({{"config", descriptor("a/b", "md5:12")}}), "config.digest");
  expect_refused(image({{"config", R"({"mediaType": "a/b", "digest": ")" + config_digest + R"(", "size": -1})"}}),
                 "config.size");
  expect_refused(image({{"config", R"({"mediaType": "a/b", "digest": ")" + config_digest +
                                       R"(", "size": 18446744073709551615})"}}),
                 "config.size");
  expect_refused(image({{"subject", "{}"}}), "subject.mediaType: is missing");
  expect_refused(image({{"annotations", "{\"a\": 1}"}}), "annotations.a: expected a string");
}

TEST(Manifest, LimitsHold) {
  expect_refused(std::string(max_manifest_bytes + 1, ' '), "at most", media_type::oci_manifest,
                 ErrorCode::too_large);
  expect_refused(image({{"annotations", std::string(100'000, '[')}}), "nested deeper",
                 media_type::oci_manifest, ErrorCode::too_large);
}

TEST(Descriptor, SurvivesWritingAndReading) {
  Descriptor full{"a/b", *Digest::parse(layer_digest), 12, "c/d", {{"k", "v"}},
                  Platform{"linux", "arm64", "v8", "6.1", {"x"}}, {"https://example.com/layer"}};
  const auto again = parse_descriptor(to_json(full));
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(*again, full);
}

}  // namespace
}  // namespace slipway
