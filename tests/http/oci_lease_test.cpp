// HEAD as a promise: who was told that something is here can name it.
#include <gtest/gtest.h>

#include <slipway/registry/garbage_collector.hpp>

#include "tests/http/oci_fixture.hpp"

namespace slipway::test {
namespace {

using namespace std::chrono_literals;

const std::string config_type = "application/vnd.oci.image.config.v1+json";
const std::string image_type = "application/vnd.oci.image.manifest.v1+json";

class OciLeaseTest : public testing::TestWithParam<StoreKind> {
 protected:
  OciAnswer send(std::string_view method, const std::string& target, std::string_view body = {},
                 const std::string& type = "application/octet-stream") {
    return exchange(world_.handler(), method, target, {{"Content-Type", type}}, body);
  }
  std::uint64_t collect() {
    GarbageCollectorOptions options;
    options.load = 100;
    options.retention = {{.untagged_after = 0ms}};
    const auto collected =
        make_garbage_collector(world_.blobs(), world_.registry(), world_.clock(), options)
            ->collect();
    EXPECT_TRUE(collected.ok());
    return collected->links + collected->manifests;
  }

  static RegistryOptions options() {
    RegistryOptions options;
    options.lease.promised = 8h;
    return options;
  }
  OciWorld world_{GetParam(), AnonymousAccess::push, options()};
};

INSTANTIATE_TEST_SUITE_P(Over, OciLeaseTest, testing::Values(StoreKind::memory, StoreKind::folder));

TEST_P(OciLeaseTest, AHeadOfABlobKeepsItForThePushThatFollows) {
  const std::string config = "{}";
  const std::string blob = "/v2/app/blobs/" + digest_of(config).to_string();
  ASSERT_EQ(
      send("POST", "/v2/app/blobs/uploads/?digest=" + digest_of(config).to_string(), config).status,
      201);
  world_.clock().advance(9h);
  EXPECT_EQ(send("HEAD", blob).status, 200);
  EXPECT_EQ(send("HEAD", blob).length(), 2U);
  world_.clock().advance(8h);
  EXPECT_EQ(collect(), 0U);
  const std::string descriptor = "{\"mediaType\":\"" + config_type + "\",\"digest\":\"" +
                                 digest_of(config).to_string() + "\",\"size\":2}";
  const std::string image = "{\"schemaVersion\":2,\"mediaType\":\"" + image_type +
                            "\",\"config\":" + descriptor + ",\"layers\":[]}";
  const std::string manifest = "/v2/app/manifests/" + digest_of(image).to_string();
  ASSERT_EQ(send("PUT", manifest, image, image_type).status, 201);

  world_.clock().advance(9h);
  const OciAnswer head = send("HEAD", manifest);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.length(), image.size());
  EXPECT_EQ(head.field("Content-Type"), image_type);
  world_.clock().advance(8h);
  EXPECT_EQ(collect(), 0U);
  world_.clock().advance(3h);
  EXPECT_EQ(collect(), 1U) << "untagged, and left alone for more than a lease";
  EXPECT_EQ(send("HEAD", manifest).status, 404);
  world_.clock().advance(11h);
  EXPECT_EQ(collect(), 1U);
  EXPECT_EQ(send("HEAD", blob).status, 404);
}

TEST_P(OciLeaseTest, ManyHeadsAreOneWrite) {
  const std::string blob = "/v2/app/blobs/" + digest_of("x").to_string();
  ASSERT_EQ(send("POST", "/v2/app/blobs/uploads/?digest=" + digest_of("x").to_string(), "x").status,
            201);
  world_.clock().advance(7h);
  const auto before = world_.blobs().metadata().counts().writes;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(send("HEAD", blob).status, 200);
  EXPECT_EQ(world_.blobs().metadata().counts().writes, before + 1);
}

}  // namespace
}  // namespace slipway::test
