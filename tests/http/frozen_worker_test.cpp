// A worker stands still, is replaced, and goes on: nothing that it then sends is accepted.
#include <string>

#include <gtest/gtest.h>

#include <slipway/build/scheduler.hpp>
#include <slipway/build/worker_protocol.hpp>
#include <slipway/http/oci_handler.hpp>
#include <slipway/support/hasher.hpp>

#include "tests/build/memory_backend.hpp"
#include "tests/http/api_fixture.hpp"

namespace slipway {
namespace {

using namespace std::chrono_literals;
using test::Answer;
using test::ApiFixture;
using test::exchange;
using test::MemoryBackend;

constexpr std::string_view index_type = "application/vnd.oci.image.index.v1+json";

class FrozenWorkerTest : public ApiFixture {
 protected:
  /// A worker of the attempt that is out registers, over HTTP.
  std::string register_worker(const std::string& nonce) {
    RegisterCall asked;
    asked.registration_token = local_.token_of(queue_->find(id_)->attempts.back().worker);
    asked.nonce = nonce;
    const Answer answer = exchange(*workers_, "POST", "/worker/v1/register", to_json(asked));
    EXPECT_EQ(answer.status, 200) << answer.text;
    return parse_worker_instructions(answer.text)->token;
  }
  int call(const std::string& what, std::string_view body, const std::string& token) {
    return exchange(*workers_, "POST", "/worker/v1/builds/" + id_ + "/" + what, body, bearer(token))
        .status;
  }
  int push(const std::string& reference, const std::string& manifest, const std::string& token) {
    return exchange(*oci_, "PUT", "/v2/app/web/manifests/" + reference, manifest,
                    {{"Authorization", "Bearer " + token},
                     {"Content-Type", std::string(index_type)}})
        .status;
  }
  static std::string index(const std::string& note) {
    return R"({"schemaVersion":2,"mediaType":")" + std::string(index_type) +
           R"(","manifests":[],"annotations":{"note":")" + note + R"("}})";
  }
  static std::string finished(const std::string& manifest) {
    FinishCall call;
    call.digest = digest_of(manifest);
    return to_json(call);
  }

  std::string id_ = submit("app/web");
  MemoryBackend local_{"local", 4};
  std::unique_ptr<Scheduler> scheduler_ =
      *make_scheduler(*metadata_, *queue_, {&local_}, clock_, SchedulerOptions());
  std::unique_ptr<HttpHandler> oci_ = make_oci_handler(*registry_, authenticator_, policy_);
};

TEST_F(FrozenWorkerTest, ThawedItCanNeitherLogPushNorFinish) {
  scheduler_->step();
  const std::string frozen = register_worker("frozen-0123456789abcdef");
  scheduler_->step();
  ASSERT_EQ(call("phase", to_json(PhaseCall()), frozen), 200);
  ASSERT_EQ(call("log?offset=0", "before\n", frozen), 200);
  const std::string stale = index("stale");
  ASSERT_EQ(push(digest_of(stale).to_string(), stale, frozen), 201) << "while it is the one";

  clock_.advance(61s);  // it stands still
  scheduler_->step();
  ASSERT_EQ(queue_->find(id_)->state, BuildState::queued);
  clock_.advance(1s);
  scheduler_->step();
  const std::string replacement = register_worker("second-0123456789abcdef");
  ASSERT_EQ(queue_->find(id_)->epoch, 2U);

  // It goes on where it stood.
  const std::string size = std::to_string(*logs_.size(id_));
  EXPECT_EQ(call("heartbeat", "{}", frozen), 409);
  EXPECT_EQ(call("phase", to_json(PhaseCall()), frozen), 409);
  EXPECT_EQ(call("log?offset=7", "after\n", frozen), 409);
  EXPECT_EQ(call("log?offset=" + size, "after\n", frozen), 409);
  EXPECT_EQ(call("finish", finished(stale), frozen), 409);
  const std::string late = index("late");
  EXPECT_EQ(push(digest_of(late).to_string(), late, frozen), 401);
  EXPECT_EQ(push("latest", late, frozen), 401);
  EXPECT_EQ(exchange(*oci_, "POST", "/v2/app/web/blobs/uploads/", "", bearer(frozen)).status, 401);
  EXPECT_EQ(std::to_string(*logs_.size(id_)), size);
  EXPECT_EQ(queue_->find(id_)->state, BuildState::running);

  // And the one that replaced it is not disturbed.
  const std::string good = index("good");
  ASSERT_EQ(call("log?offset=" + size, "work\n", replacement), 200);
  ASSERT_EQ(push(digest_of(good).to_string(), good, replacement), 201);
  ASSERT_EQ(call("finish", finished(good), replacement), 200);
  const auto tagged =
      registry_->stat_manifest(*RepositoryName::parse("app/web"), Reference(*Tag::parse("latest")));
  ASSERT_TRUE(tagged.ok());
  EXPECT_EQ(tagged->digest, digest_of(good));
  EXPECT_EQ(call("finish", finished(stale), frozen), 409) << "nor afterwards";
}

}  // namespace
}  // namespace slipway
