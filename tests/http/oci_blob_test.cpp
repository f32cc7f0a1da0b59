#include <atomic>
#include <thread>

#include "tests/http/oci_fixture.hpp"

namespace slipway::test {
namespace {

class OciBlobTest : public OciTest {};
INSTANTIATE_TEST_SUITE_P(Stores, OciBlobTest,
                         ::testing::Values(StoreKind::memory, StoreKind::folder), store_name);

std::string large_bytes() {
  std::string bytes(200'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 % 251);
  return bytes;
}

TEST_P(OciBlobTest, GetAndHeadTellTheSame) {
  for (const std::string& bytes : {std::string("small"), std::string(), large_bytes()}) {
    const std::string digest = push_blob("app/web", bytes);
    const OciAnswer got = get("/v2/app/web/blobs/" + digest);
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, bytes);
    EXPECT_EQ(got.field("Content-Type"), "application/octet-stream");
    EXPECT_EQ(got.field("Docker-Content-Digest"), digest);
    EXPECT_EQ(got.field("ETag"), "\"" + digest + "\"");
    EXPECT_EQ(got.field("Accept-Ranges"), "bytes");
    const OciAnswer asked = head("/v2/app/web/blobs/" + digest);
    EXPECT_EQ(asked.status, 200);
    EXPECT_EQ(asked.body, "");
    EXPECT_EQ(asked.length(), bytes.size());
    EXPECT_EQ(asked.response.head(), got.response.head());
  }
}

TEST_P(OciBlobTest, ARangeIs206) {
  for (const std::string& bytes : {large_bytes(), large_bytes().substr(0, 2000)}) {
    const std::string path = "/v2/app/blobs/" + push_blob("app", bytes);
    const std::string size = std::to_string(bytes.size());
    struct Case {
      std::string range, body, content_range;
    };
    const Case cases[] = {
        {"bytes=500-1499", bytes.substr(500, 1000), "bytes 500-1499/" + size},
        {"bytes=0-0", bytes.substr(0, 1), "bytes 0-0/" + size},
        {"bytes=-500", bytes.substr(bytes.size() - 500),
         "bytes " + std::to_string(bytes.size() - 500) + "-" + std::to_string(bytes.size() - 1) +
             "/" + size},
        {"bytes=1900-999999", bytes.substr(1900),
         "bytes 1900-" + std::to_string(bytes.size() - 1) + "/" + size},
    };
    for (const Case& c : cases) {
      const OciAnswer answer = get(path, {{"Range", c.range}});
      EXPECT_EQ(answer.status, 206) << c.range;
      EXPECT_EQ(answer.body, c.body) << c.range;
      EXPECT_EQ(answer.field("Content-Range"), c.content_range);
    }
    for (const char* range : {"bytes=999999-", "bytes=500-0"}) {
      const OciAnswer answer = get(path, {{"Range", range}});
      EXPECT_EQ(answer.status, 416) << range;
      EXPECT_EQ(answer.field("Content-Range"), "bytes */" + size);
      EXPECT_EQ(answer.code(), "SIZE_INVALID");
    }
    for (const char* range : {"items=0-1", "bytes=x"}) {
      const OciAnswer answer = get(path, {{"Range", range}});
      EXPECT_EQ(answer.status, 200) << range;
      EXPECT_EQ(answer.body, bytes);
    }
  }
}

TEST_P(OciBlobTest, IfRangeAsksForTheSameBytes) {
  const std::string digest = push_blob("app", "0123456789");
  const std::string path = "/v2/app/blobs/" + digest;
  EXPECT_EQ(get(path, {{"Range", "bytes=2-3"}, {"If-Range", "\"" + digest + "\""}}).body, "23");
  EXPECT_EQ(get(path, {{"Range", "bytes=2-3"}, {"If-Range", "\"other\""}}).status, 200);
}

TEST_P(OciBlobTest, IfNoneMatchIs304) {
  for (const std::string& bytes : {std::string("small"), large_bytes()}) {
    const std::string digest = push_blob("app", bytes);
    for (const std::string& tag : {"\"" + digest + "\"", "W/\"" + digest + "\"", std::string("*"),
                                   "\"x\", \"" + digest + "\""}) {
      const OciAnswer answer = get("/v2/app/blobs/" + digest, {{"If-None-Match", tag}});
      EXPECT_EQ(answer.status, 304) << tag;
      EXPECT_EQ(answer.body, "");
      EXPECT_EQ(answer.field("ETag"), "\"" + digest + "\"");
    }
    EXPECT_EQ(get("/v2/app/blobs/" + digest, {{"If-None-Match", "\"x\""}}).status, 200);
    EXPECT_EQ(head("/v2/app/blobs/" + digest, {{"If-None-Match", "*"}}).status, 304);
  }
}

TEST_P(OciBlobTest, UnknownAndMalformedDigests) {
  const std::string digest = digest_text("nobody pushed this");
  const OciAnswer unknown = get("/v2/app/blobs/" + digest);
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.code(), "BLOB_UNKNOWN");
  const OciAnswer asked = head("/v2/app/blobs/" + digest);
  EXPECT_EQ(asked.status, 404);
  EXPECT_EQ(asked.body, "");
  EXPECT_EQ(asked.length(), unknown.body.size());
  for (const char* malformed : {"sha256:abc", "md5:d41d8cd98f00b204e9800998ecf8427e", "latest"}) {
    const OciAnswer answer = get("/v2/app/blobs/" + std::string(malformed));
    EXPECT_EQ(answer.status, 400) << malformed;
    EXPECT_EQ(answer.code(), "DIGEST_INVALID");
  }
}

TEST_P(OciBlobTest, ABlobIsOnlyInTheRepositoryItWasPushedTo) {
  const std::string digest = push_blob("app/one", "bytes");
  EXPECT_EQ(get("/v2/app/two/blobs/" + digest).status, 404);
}

TEST_P(OciBlobTest, DeleteIsAtOnceAndForThisRepositoryOnly) {
  const std::string digest = push_blob("app/one", "bytes");
  push_blob("app/two", "bytes");
  EXPECT_EQ(remove("/v2/app/one/blobs/" + digest).status, 202);
  EXPECT_EQ(get("/v2/app/one/blobs/" + digest).status, 404);
  EXPECT_EQ(remove("/v2/app/one/blobs/" + digest).code(), "BLOB_UNKNOWN");
  EXPECT_EQ(get("/v2/app/two/blobs/" + digest).body, "bytes");
  push_blob("app/one", "bytes");
  EXPECT_EQ(get("/v2/app/one/blobs/" + digest).body, "bytes");
}

TEST_P(OciBlobTest, ReadersOfABlobThatIsDeletedSeeItOrNot) {
  const std::string digest = push_blob("app", large_bytes());
  std::atomic<bool> stop{false};
  std::atomic<int> reads{0}, wrong{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i)
    readers.emplace_back([&] {
      while (!stop) {
        const int status = get("/v2/app/blobs/" + digest).status;
        if (status != 200 && status != 404) ++wrong;
        ++reads;
      }
    });
  for (int i = 0; i < 20 || reads < 50; ++i) {
    EXPECT_EQ(remove("/v2/app/blobs/" + digest).status, 202);
    push_blob("app", large_bytes());
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
}

TEST_P(OciBlobTest, BlobsSurviveReopening) {
  const std::string small = push_blob("app", "small");
  const std::string large = push_blob("app", large_bytes());
  world_.reopen();
  EXPECT_EQ(get("/v2/app/blobs/" + small).body, "small");
  EXPECT_EQ(get("/v2/app/blobs/" + large).body, large_bytes());
}

TEST_P(OciBlobTest, MountingFromAReadableRepository) {
  const std::string digest = push_blob("app/one", "bytes");
  const OciAnswer mounted =
      post("/v2/app/two/blobs/uploads/?mount=" + digest + "&from=app%2Fone");
  EXPECT_EQ(mounted.status, 201);
  EXPECT_EQ(mounted.field("Location"), "/v2/app/two/blobs/" + digest);
  EXPECT_EQ(mounted.field("Docker-Content-Digest"), digest);
  EXPECT_EQ(get("/v2/app/two/blobs/" + digest).body, "bytes");
  EXPECT_EQ(post("/v2/app/three/blobs/uploads/?mount=" + digest).status, 201);
  EXPECT_EQ(get("/v2/app/three/blobs/" + digest).body, "bytes");
}

TEST_P(OciBlobTest, AMountThatCannotBeIsAnUpload) {
  push_blob("app/one", "bytes");
  const std::string missing = digest_text("missing");
  for (const std::string& query :
       {"?mount=" + missing + "&from=app/one", "?mount=" + missing + "&from=no/such",
        "?mount=" + missing, "?mount=" + missing + "&from=NOT..VALID"}) {
    const OciAnswer answer = post("/v2/app/two/blobs/uploads/" + query);
    EXPECT_EQ(answer.status, 202) << query;
    EXPECT_EQ(put(answer.field("Location") + "?digest=" + digest_text("x"), "x").status, 201);
  }
  EXPECT_EQ(post("/v2/app/two/blobs/uploads/?mount=nonsense&from=app/one").code(),
            "DIGEST_INVALID");
}

}  // namespace
}  // namespace slipway::test
