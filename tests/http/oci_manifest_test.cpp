#include <atomic>
#include <thread>

#include "tests/http/oci_fixture.hpp"

namespace slipway::test {
namespace {

class OciManifestTest : public OciTest {};
INSTANTIATE_TEST_SUITE_P(Stores, OciManifestTest,
                         ::testing::Values(StoreKind::memory, StoreKind::folder), store_name);

TEST_P(OciManifestTest, PushedByTagAndReadByTagAndDigest) {
  const std::string json = push_image("app/web", "latest");
  const std::string digest = digest_text(json);
  for (const std::string& reference : {std::string("latest"), digest}) {
    const std::string path = "/v2/app/web/manifests/" + reference;
    const OciAnswer got = get(path);
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, json);
    EXPECT_EQ(got.field("Content-Type"), oci_manifest_type);
    EXPECT_EQ(got.field("Docker-Content-Digest"), digest);
    EXPECT_EQ(got.field("ETag"), "\"" + digest + "\"");
    const OciAnswer asked = head(path);
    EXPECT_EQ(asked.status, 200);
    EXPECT_EQ(asked.body, "");
    EXPECT_EQ(asked.length(), json.size());
    EXPECT_EQ(asked.response.head(), got.response.head());
    EXPECT_EQ(get(path, {{"Accept", "*/*"}}).body, json);
    EXPECT_EQ(get(path, {{"If-None-Match", "\"" + digest + "\""}}).status, 304);
    EXPECT_EQ(get(path, {{"If-None-Match", "\"sha256:other\""}}).body, json);
  }
}

TEST_P(OciManifestTest, ThePushAnswersWhereItIs) {
  push_blob("app", "{}");
  const std::string json = image_json("{}", {});
  const OciAnswer answer = put_manifest("app", "v1", json);
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.field("Location"), "/v2/app/manifests/" + digest_text(json));
  EXPECT_EQ(answer.field("Docker-Content-Digest"), digest_text(json));
  EXPECT_EQ(answer.field("OCI-Subject"), "");
}

TEST_P(OciManifestTest, ATagMovesAndTheOldManifestStays) {
  const std::string first = push_image("app", "latest", "one");
  const std::string second = push_image("app", "latest", "two");
  EXPECT_EQ(get("/v2/app/manifests/latest").body, second);
  EXPECT_EQ(get("/v2/app/manifests/" + digest_text(first)).body, first);
  EXPECT_EQ(remove("/v2/app/manifests/" + digest_text(first)).status, 202);
  EXPECT_EQ(get("/v2/app/manifests/latest").body, second);
}

TEST_P(OciManifestTest, DeletingAManifestDeletesItsTags) {
  const std::string json = push_image("app", "one");
  EXPECT_EQ(put_manifest("app", "two", json).status, 201);
  const std::string other = push_image("app", "three", "other");
  EXPECT_EQ(remove("/v2/app/manifests/two").status, 202);
  EXPECT_EQ(get("/v2/app/manifests/two").code(), "MANIFEST_UNKNOWN");
  EXPECT_EQ(get("/v2/app/manifests/one").body, json);
  EXPECT_EQ(remove("/v2/app/manifests/" + digest_text(json)).status, 202);
  EXPECT_EQ(get("/v2/app/manifests/one").code(), "MANIFEST_UNKNOWN");
  EXPECT_EQ(get("/v2/app/tags/list").list("tags"), std::vector<std::string>{"three"});
  EXPECT_EQ(get("/v2/app/manifests/three").body, other);
  EXPECT_EQ(remove("/v2/app/manifests/" + digest_text(json)).code(), "MANIFEST_UNKNOWN");
  EXPECT_EQ(remove("/v2/app/manifests/one").code(), "MANIFEST_UNKNOWN");
}

TEST_P(OciManifestTest, BlobsThatItNamesMustBeHereInTheirSize) {
  const OciAnswer nothing = put_manifest("app", "v1", image_json("{}", {}));
  EXPECT_EQ(nothing.status, 404);
  EXPECT_EQ(nothing.code(), "MANIFEST_BLOB_UNKNOWN");
  push_blob("app", "{}");
  push_blob("other", "layer");
  const OciAnswer layer = put_manifest("app", "v1", image_json("{}", {"layer"}));
  EXPECT_EQ(layer.code(), "MANIFEST_BLOB_UNKNOWN");
  EXPECT_NE(layer.body.find("layer 1 (" + digest_text("layer") + ") is not in repository app"),
            std::string::npos)
      << layer.body;
  push_blob("app", "layer");
  std::string json = image_json("{}", {"layer"});
  json.replace(json.find("\"size\":5"), 8, "\"size\":6");
  EXPECT_EQ(put_manifest("app", "v1", json).code(), "MANIFEST_INVALID");
  EXPECT_EQ(get("/v2/app/tags/list").list("tags").size(), 0U);
  EXPECT_EQ(put_manifest("app", "v1", image_json("{}", {"layer"})).status, 201);
}

TEST_P(OciManifestTest, LayersThatLieElsewhereNeedNotBeHere) {
  push_blob("app", "{}");
  std::string json = image_json("{}", {"foreign"});
  json.replace(json.find("}]"), 1, ",\"urls\":[\"https://example.com/foreign\"]}");
  EXPECT_EQ(put_manifest("app", "v1", json).status, 201);
}

TEST_P(OciManifestTest, AnIndexMayNameChildrenThatAreNotHere) {
  const std::string child = push_image("app", "child");
  const std::string json =
      "{\"schemaVersion\":2,\"mediaType\":\"" + oci_index_type + "\",\"manifests\":[" +
      descriptor_json(oci_manifest_type, child) + "," +
      descriptor_json(oci_manifest_type, "nobody pushed this") + "]}";
  EXPECT_EQ(put_manifest("app", "index", json, oci_index_type).status, 201);
  EXPECT_EQ(get("/v2/app/manifests/index").field("Content-Type"), oci_index_type);
}

TEST_P(OciManifestTest, TypesMustAgree) {
  push_blob("app", "{}");
  const std::string json = image_json("{}", {});
  EXPECT_EQ(put_manifest("app", "v1", json, oci_index_type).code(), "MANIFEST_INVALID");
  EXPECT_EQ(put_manifest("app", "v1", json, oci_manifest_type + "; charset=utf-8").status, 201);
  EXPECT_EQ(get("/v2/app/manifests/v1").field("Content-Type"), oci_manifest_type);
  EXPECT_EQ(put_manifest("app", "v1", "not json").code(), "MANIFEST_INVALID");
  EXPECT_EQ(put_manifest("app", "v1", "").code(), "MANIFEST_INVALID");
}

TEST_P(OciManifestTest, DockersTypesAreTakenAndSchema1IsNot) {
  push_blob("app", "{}");
  const std::string docker = "application/vnd.docker.distribution.manifest.v2+json";
  const std::string list = "application/vnd.docker.distribution.manifest.list.v2+json";
  const std::string image =
      "{\"schemaVersion\":2,\"mediaType\":\"" + docker + "\",\"config\":" +
      descriptor_json("application/vnd.docker.container.image.v1+json", "{}") + ",\"layers\":[]}";
  EXPECT_EQ(put_manifest("app", "docker", image, docker).status, 201);
  EXPECT_EQ(get("/v2/app/manifests/docker").field("Content-Type"), docker);
  const std::string of_images =
      "{\"schemaVersion\":2,\"mediaType\":\"" + list + "\",\"manifests\":[" +
      descriptor_json(docker, image,
                      ",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}") +
      "]}";
  EXPECT_EQ(put_manifest("app", "list", of_images, list).status, 201);
  EXPECT_EQ(get("/v2/app/manifests/list").field("Content-Type"), list);

  // By digest too, which is that of the signed part alone.
  for (const std::string& reference : {std::string("old"), digest_of("signed").to_string()}) {
    const OciAnswer old = put_manifest(
        "app", reference, "{\"schemaVersion\":1,\"name\":\"app\",\"tag\":\"old\",\"fsLayers\":[]}",
        "application/vnd.docker.distribution.manifest.v1+prettyjws");
    EXPECT_EQ(old.status, 400);
    EXPECT_EQ(old.code(), "MANIFEST_INVALID");
    EXPECT_NE(old.body.find("skopeo copy --format v2s2"), std::string::npos) << old.body;
  }
}

TEST_P(OciManifestTest, ArtifactsOfAnyMediaType) {
  push_blob("app", "{}");
  push_blob("app", "a thing");
  const std::string manifest =
      "{\"schemaVersion\":2,\"mediaType\":\"" + oci_manifest_type +
      "\",\"artifactType\":\"application/vnd.example.thing.v3+yaml\",\"config\":" +
      descriptor_json("application/vnd.oci.empty.v1+json", "{}", ",\"data\":\"e30=\"") +
      ",\"layers\":[" + descriptor_json("text/x.anything; version=2", "a thing") + "]}";
  EXPECT_EQ(put_manifest("app", "thing", manifest).status, 201);
  EXPECT_EQ(get("/v2/app/manifests/thing").body, manifest);
  const std::string index =
      "{\"schemaVersion\":2,\"mediaType\":\"" + oci_index_type +
      "\",\"artifactType\":\"application/vnd.example.things\",\"manifests\":[" +
      descriptor_json("application/vnd.example.no-manifest", "a thing") + "]}";
  EXPECT_EQ(put_manifest("app", "things", index, oci_index_type).status, 201);
  EXPECT_EQ(get("/v2/app/manifests/things").body, index);
  EXPECT_EQ(head("/v2/app/manifests/things").field("Content-Type"), oci_index_type);
}

TEST_P(OciManifestTest, FourMebibytesAreTakenAndMoreIs413) {
  push_blob("app", "{}");
  const std::string frame = image_json("{}", {}, ",\"annotations\":{\"filler\":\"\"}");
  const std::size_t limit = std::size_t{4} * 1024 * 1024;
  const auto filled = [&](std::size_t size) {
    return image_json("{}", {},
                      ",\"annotations\":{\"filler\":\"" +
                          std::string(size - frame.size(), 'x') + "\"}");
  };
  EXPECT_EQ(put_manifest("app", "large", filled(limit)).status, 201);
  EXPECT_EQ(get("/v2/app/manifests/large").body.size(), limit);
  const OciAnswer larger = put_manifest("app", "larger", filled(limit + 1));
  EXPECT_EQ(larger.status, 413);
  EXPECT_EQ(larger.code(), "SIZE_INVALID");
  const std::string json = filled(limit + 1);
  const OciAnswer chunked =
      exchange(world_.handler(), "PUT", "/v2/app/manifests/larger",
               {{"Content-Type", oci_manifest_type}}, json, {.chunked = true});
  EXPECT_EQ(chunked.status, 413);
}

TEST_P(OciManifestTest, ByDigestOfEitherAlgorithm) {
  push_blob("app", "{}");
  const std::string json = image_json("{}", {});
  const std::string digest = digest_text(json, DigestAlgorithm::sha512);
  const OciAnswer answer = put_manifest("app", digest + "?tag=a&tag=b", json);
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.field("Docker-Content-Digest"), digest);
  EXPECT_NE(answer.response.head().find("OCI-Tag: a\r\nOCI-Tag: b\r\n"), std::string::npos);
  EXPECT_EQ(get("/v2/app/manifests/" + digest).body, json);
  EXPECT_EQ(get("/v2/app/manifests/b").field("Docker-Content-Digest"), digest);
  EXPECT_EQ(put_manifest("app", digest_text("other"), json).code(), "DIGEST_INVALID");
  EXPECT_EQ(put_manifest("app", "sha256:baddigest", json).code(), "DIGEST_INVALID");
  EXPECT_EQ(put_manifest("app", digest + "?tag=-bad", json).code(), "MANIFEST_INVALID");
  EXPECT_EQ(put_manifest("app", "-bad", json).code(), "MANIFEST_INVALID");
}

TEST_P(OciManifestTest, TheSameBytesMayBeAManifestAndABlob) {
  const std::string json = push_image("app", "latest");
  const std::string digest = digest_text(json);
  EXPECT_EQ(get("/v2/app/blobs/" + digest).status, 404);
  push_blob("app", json);
  EXPECT_EQ(remove("/v2/app/manifests/" + digest).status, 202);
  EXPECT_EQ(get("/v2/app/blobs/" + digest).body, json);
  EXPECT_EQ(put_manifest("app", "latest", json).status, 201);
  EXPECT_EQ(remove("/v2/app/blobs/" + digest).status, 202);
  EXPECT_EQ(get("/v2/app/manifests/latest").body, json);
}

TEST_P(OciManifestTest, AManifestPushedBeforeAsALargeBlobIsRead) {
  push_blob("app", "{}");
  const std::string json =
      image_json("{}", {}, ",\"annotations\":{\"filler\":\"" + std::string(100'000, 'x') + "\"}");
  push_blob("app", json);
  EXPECT_EQ(put_manifest("app", "latest", json).status, 201);
  EXPECT_EQ(get("/v2/app/manifests/latest").body, json);
}

TEST_P(OciManifestTest, SurvivesReopening) {
  const std::string json = push_image("app", "latest");
  world_.reopen();
  EXPECT_EQ(get("/v2/app/manifests/latest").body, json);
}

TEST_P(OciManifestTest, ReadersNeverMissAMovingTag) {
  const std::string first = push_image("app", "latest", "one");
  const std::string second = push_image("app", "latest", "two");
  std::atomic<bool> stop{false};
  std::atomic<int> reads{0}, wrong{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i)
    readers.emplace_back([&] {
      while (!stop) {
        const OciAnswer answer = get("/v2/app/manifests/latest");
        const bool good = answer.status == 200 && (answer.body == first || answer.body == second);
        if (!good || answer.field("Docker-Content-Digest") != digest_text(answer.body)) ++wrong;
        ++reads;
      }
    });
  for (int i = 0; i < 100 || reads < 100; ++i)
    EXPECT_EQ(put_manifest("app", "latest", i % 2 == 0 ? first : second).status, 201);
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace slipway::test
