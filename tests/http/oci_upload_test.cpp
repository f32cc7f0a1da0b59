#include <atomic>
#include <thread>

#include "tests/http/oci_fixture.hpp"

namespace slipway::test {
namespace {

using namespace std::chrono_literals;

class OciUploadTest : public OciTest {
 protected:
  std::string upload_ = begin("app/web");
};
INSTANTIATE_TEST_SUITE_P(Stores, OciUploadTest,
                         ::testing::Values(StoreKind::memory, StoreKind::folder), store_name);

std::string digest_query(std::string_view bytes) { return "?digest=" + digest_text(bytes); }

TEST_P(OciUploadTest, BeginsWithARelativeLocationAndState) {
  const OciAnswer answer = post("/v2/app/web/blobs/uploads");
  EXPECT_EQ(answer.status, 202);
  EXPECT_TRUE(answer.field("Location").starts_with("/v2/app/web/blobs/uploads/"));
  EXPECT_EQ(answer.field("Location").find('?'), std::string::npos);
  EXPECT_EQ(answer.field("Range"), "0-0");
  EXPECT_EQ(answer.field("OCI-Chunk-Min-Length"), "1");
  EXPECT_TRUE(answer.field("Location").ends_with(answer.field("Docker-Upload-UUID")));
}

TEST_P(OciUploadTest, HeadTellsWhereItStands) {
  patch(upload_, "0123456789");
  const OciAnswer answer = head(upload_);
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.field("Range"), "0-9");
  EXPECT_EQ(answer.response.head(), get(upload_).response.head());
  EXPECT_EQ(head(upload_ + "0").status, 404);
}

TEST_P(OciUploadTest, PostThenPut) {
  const OciAnswer answer = put(upload_ + digest_query("bytes"), "bytes");
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.field("Location"), "/v2/app/web/blobs/" + digest_text("bytes"));
  EXPECT_EQ(answer.field("Docker-Content-Digest"), digest_text("bytes"));
  EXPECT_EQ(get(answer.field("Location")).body, "bytes");
}

TEST_P(OciUploadTest, PutMayCarryAChunkedBody) {
  const OciAnswer answer = exchange(world_.handler(), "PUT", upload_ + digest_query("bytes"), {},
                                    "bytes", {.chunked = true});
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(get("/v2/app/web/blobs/" + digest_text("bytes")).body, "bytes");
}

TEST_P(OciUploadTest, OnePost) {
  const OciAnswer answer =
      post("/v2/app/web/blobs/uploads/" + digest_query("in one go"), "in one go");
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(get(answer.field("Location")).body, "in one go");
  EXPECT_EQ(post("/v2/app/web/blobs/uploads/" + digest_query("")).status, 201);
  EXPECT_EQ(post("/v2/app/web/blobs/uploads/" + digest_query("x"), "y").code(), "DIGEST_INVALID");
  EXPECT_EQ(post("/v2/app/web/blobs/uploads/?digest=sha256:no", "y").code(), "DIGEST_INVALID");
}

TEST_P(OciUploadTest, ChunksWithRanges) {
  const OciAnswer first = patch(upload_, "0123456789", "0-9");
  EXPECT_EQ(first.status, 202);
  EXPECT_EQ(first.field("Range"), "0-9");
  EXPECT_EQ(first.field("Location"), upload_);
  const OciAnswer status = get(upload_);
  EXPECT_EQ(status.status, 204);
  EXPECT_EQ(status.field("Range"), "0-9");
  EXPECT_EQ(patch(upload_, "abcde", "10-14").field("Range"), "0-14");
  EXPECT_EQ(put(upload_ + digest_query("0123456789abcdeXYZ"), "XYZ", "15-17").status, 201);
}

TEST_P(OciUploadTest, AStreamedChunkAndAnEmptyPut) {
  const OciAnswer streamed =
      exchange(world_.handler(), "PATCH", upload_, {}, "streamed", {.chunked = true});
  EXPECT_EQ(streamed.status, 202);
  EXPECT_EQ(streamed.field("Range"), "0-7");
  EXPECT_EQ(put(upload_ + digest_query("streamed")).status, 201);
}

TEST_P(OciUploadTest, AMisplacedChunkIs416AndTheUploadGoesOn) {
  EXPECT_EQ(patch(upload_, "0123456789", "0-9").status, 202);
  for (const char* range : {"20-22", "0-2", "9-11"}) {
    const OciAnswer chunk = patch(upload_, "abc", range);
    EXPECT_EQ(chunk.status, 416) << range;
    EXPECT_EQ(chunk.field("Range"), "0-9");
    EXPECT_EQ(chunk.field("Location"), upload_);
    EXPECT_EQ(chunk.code(), "BLOB_UPLOAD_INVALID");
    EXPECT_EQ(put(upload_ + digest_query("0123456789abc"), "abc", range).status, 416) << range;
  }
  EXPECT_EQ(put(upload_ + digest_query("0123456789abc"), "abc", "10-12").status, 201);
}

TEST_P(OciUploadTest, ARangeMustFitItsLength) {
  EXPECT_EQ(patch(upload_, "abc", "0-5").code(), "BLOB_UPLOAD_INVALID");
  EXPECT_EQ(patch(upload_, "abc", "bytes=0-2").status, 400);
  EXPECT_EQ(get(upload_).field("Range"), "0-0");
  EXPECT_EQ(patch(upload_, "abc", "0-2").status, 202);
}

TEST_P(OciUploadTest, ClosingTwiceAnswersTheSame) {
  const std::string target = upload_ + digest_query("bytes");
  const OciAnswer first = put(target, "bytes");
  const OciAnswer again = put(target, "bytes");
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.response.head(), first.response.head());
  world_.reopen();
  EXPECT_EQ(put(target).status, 201);
  EXPECT_EQ(put(upload_ + digest_query("other"), "other").code(), "BLOB_UPLOAD_UNKNOWN");
  EXPECT_EQ(get(upload_).code(), "BLOB_UPLOAD_UNKNOWN");
  EXPECT_EQ(patch(upload_, "more").code(), "BLOB_UPLOAD_UNKNOWN");
}

TEST_P(OciUploadTest, AWrongDigestEndsTheUpload) {
  EXPECT_EQ(put(upload_ + digest_query("other"), "bytes").code(), "DIGEST_INVALID");
  EXPECT_EQ(get(upload_).status, 404);
  EXPECT_EQ(put(upload_ + digest_query("bytes"), "bytes").code(), "BLOB_UPLOAD_UNKNOWN");
  EXPECT_EQ(get("/v2/app/web/blobs/" + digest_text("bytes")).status, 404);
}

TEST_P(OciUploadTest, PutNeedsADigest) {
  EXPECT_EQ(put(upload_, "bytes").code(), "DIGEST_INVALID");
  EXPECT_EQ(put(upload_ + "?digest=sha256:beef", "bytes").code(), "DIGEST_INVALID");
  EXPECT_EQ(put(upload_ + digest_query("bytes"), "bytes").status, 201);
}

TEST_P(OciUploadTest, CancelledIsGone) {
  patch(upload_, "some bytes");
  EXPECT_EQ(remove(upload_).status, 204);
  EXPECT_EQ(get(upload_).status, 404);
  EXPECT_EQ(remove(upload_).code(), "BLOB_UPLOAD_UNKNOWN");
  world_.reopen();
  EXPECT_EQ(patch(upload_, "more").code(), "BLOB_UPLOAD_UNKNOWN");
}

TEST_P(OciUploadTest, UnknownUploads) {
  const std::string id = upload_.substr(upload_.rfind('/') + 1);
  std::string forged = id;
  forged.back() = forged.back() == '0' ? '1' : '0';
  for (const std::string& path :
       {"/v2/app/web/blobs/uploads/" + forged, "/v2/app/other/blobs/uploads/" + id,
        std::string("/v2/app/web/blobs/uploads/nonsense"), "/v2/app/web/blobs/uploads/" + id + "0"}) {
    EXPECT_EQ(get(path).code(), "BLOB_UPLOAD_UNKNOWN") << path;
    EXPECT_EQ(patch(path, "x").code(), "BLOB_UPLOAD_UNKNOWN") << path;
    EXPECT_EQ(put(path + digest_query("x"), "x").code(), "BLOB_UPLOAD_UNKNOWN") << path;
    EXPECT_EQ(remove(path).code(), "BLOB_UPLOAD_UNKNOWN") << path;
  }
}

TEST_P(OciUploadTest, UnknownUploadsAreRefusedBeforeTheirBodyIsRead) {
  HttpRequest request;
  request.method = HttpMethod::patch;
  request.target = "/v2/app/web/blobs/uploads/nonsense";
  request.has_body = true;
  request.content_length = 1000;
  HttpResponse response;
  const HttpAction action = world_.handler().handle(request, response);
  EXPECT_TRUE(std::holds_alternative<HttpDone>(action));
  EXPECT_EQ(response.status, 404);
}

TEST_P(OciUploadTest, AnUploadGoesOnAfterReopening) {
  const std::string large(100'000, 'x');
  EXPECT_EQ(patch(upload_, "small chunk, ").status, 202);
  world_.reopen();
  EXPECT_EQ(get(upload_).field("Range"), "0-12");
  EXPECT_EQ(patch(upload_, large, "13-100012").status, 202);
  world_.reopen();
  EXPECT_EQ(put(upload_ + digest_query("small chunk, " + large + "end"), "end").status, 201);
  EXPECT_EQ(get("/v2/app/web/blobs/" + digest_text("small chunk, " + large + "end")).body,
            "small chunk, " + large + "end");
}

TEST_P(OciUploadTest, AnUploadThatNothingCameForSurvivesReopening) {
  world_.reopen();
  EXPECT_EQ(get(upload_).status, 204);
  EXPECT_EQ(put(upload_ + digest_query("late"), "late").status, 201);
}

TEST_P(OciUploadTest, AnUploadExpires) {
  patch(upload_, "some bytes");
  world_.clock().advance(7 * 24h - 1ms);
  EXPECT_EQ(get(upload_).status, 204);
  world_.clock().advance(1ms);
  EXPECT_EQ(get(upload_).code(), "BLOB_UPLOAD_UNKNOWN");
  EXPECT_EQ(patch(upload_, "x").code(), "BLOB_UPLOAD_UNKNOWN");
}

TEST_P(OciUploadTest, Sha512WithAndWithoutSayingSo) {
  const std::string digest = digest_text("bytes", DigestAlgorithm::sha512);
  for (const char* query : {"", "?digest-algorithm=sha512", "?digest-algorithm=sha256"}) {
    const std::string repository = "app/" + std::to_string(std::string_view(query).size());
    const OciAnswer begun = post("/v2/" + repository + "/blobs/uploads/" + query);
    EXPECT_EQ(patch(begun.field("Location"), "by").status, 202);
    const OciAnswer closed = put(begun.field("Location") + "?digest=" + digest, "tes");
    EXPECT_EQ(closed.status, 201) << query;
    EXPECT_EQ(closed.field("Docker-Content-Digest"), digest);
    EXPECT_EQ(get("/v2/" + repository + "/blobs/" + digest).body, "bytes");
  }
  EXPECT_EQ(post("/v2/app/blobs/uploads/?digest-algorithm=md5").code(), "DIGEST_INVALID");
}

/// A body whose bytes are given one by one, as a connection would.
class OpenRequest {
 public:
  OpenRequest(HttpHandler& handler, HttpMethod method, std::string target, Fields fields = {})
      : target_(std::move(target)), fields_(std::move(fields)) {
    for (const auto& [name, value] : fields_) views_.push_back({name, value});
    request_.method = method;
    request_.target = target_;
    request_.fields = views_;
    request_.has_body = true;
    action_ = handler.handle(request_, response_);
  }
  Result<void> append(std::string_view bytes) {
    return std::get<HttpReceive>(action_).receiver->append(std::as_bytes(std::span(bytes)));
  }
  int finish() {
    std::get<HttpReceive>(action_).receiver->finish(response_);
    return response_.status;
  }
  void break_off() { action_ = HttpDone(); }

 private:
  std::string target_;
  Fields fields_;
  std::vector<HttpField> views_;
  HttpRequest request_;
  HttpResponse response_;
  HttpAction action_;
};

TEST_P(OciUploadTest, OneWriterAtATime) {
  OpenRequest first(world_.handler(), HttpMethod::patch, upload_);
  ASSERT_TRUE(first.append("first ").ok());
  EXPECT_EQ(patch(upload_, "second").status, 409);
  EXPECT_EQ(patch(upload_, "second", "0-5").status, 416);
  EXPECT_EQ(put(upload_ + digest_query("second"), "second").status, 409);
  EXPECT_EQ(remove(upload_).status, 409);
  EXPECT_EQ(get(upload_).status, 204);
  ASSERT_TRUE(first.append("writer").ok());
  EXPECT_EQ(first.finish(), 202);
  EXPECT_EQ(put(upload_ + digest_query("first writer")).status, 201);
}

TEST_P(OciUploadTest, ABrokenConnectionKeepsWhatArrived) {
  {
    OpenRequest request(world_.handler(), HttpMethod::patch, upload_);
    ASSERT_TRUE(request.append("arrived").ok());
    request.break_off();
  }
  EXPECT_EQ(get(upload_).field("Range"), "0-6");
  world_.reopen();
  EXPECT_EQ(get(upload_).field("Range"), "0-6");
  EXPECT_EQ(put(upload_ + digest_query("arrived, all"), ", all", "7-11").status, 201);
}

TEST_P(OciUploadTest, TheSameChunkSentEightTimesAtOnceIsTakenOnce) {
  for (int round = 0; round < 10; ++round) {
    const std::string upload = begin("app/web");
    const std::string chunk(5000 * (static_cast<std::size_t>(round) + 1), 'c');
    const std::string range = "0-" + std::to_string(chunk.size() - 1);
    std::atomic<int> taken{0}, refused{0}, ready{0};
    std::vector<std::thread> senders;
    for (int i = 0; i < 8; ++i)
      senders.emplace_back([&] {
        ++ready;
        while (ready < 8) std::this_thread::yield();
        const int status = patch(upload, chunk, range).status;
        if (status == 202) ++taken;
        if (status == 416) ++refused;
      });
    for (std::thread& sender : senders) sender.join();
    EXPECT_EQ(taken, 1);
    EXPECT_EQ(refused, 7);
    EXPECT_EQ(put(upload + digest_query(chunk)).status, 201);
  }
}

}  // namespace
}  // namespace slipway::test
