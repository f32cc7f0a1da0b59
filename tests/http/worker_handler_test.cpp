#include <string>

#include <gtest/gtest.h>

#include <slipway/build/worker_protocol.hpp>
#include <slipway/support/hasher.hpp>

#include "tests/http/api_fixture.hpp"

namespace slipway {
namespace {

using test::Answer;
using test::ApiFixture;
using test::exchange;

class WorkerHandlerTest : public ApiFixture {
 protected:
  Answer call(std::string_view what, std::string_view body, const std::string& token) {
    return exchange(*workers_, "POST", "/worker/v1/builds/" + id_ + "/" + std::string(what), body,
                    token.empty() ? test::Fields() : bearer(token));
  }

  std::string id_ = submit("app/web");
};

TEST_F(WorkerHandlerTest, RegistrationGivesInstructions) {
  const auto lease = queue_->lease(id_, "local");
  ASSERT_TRUE(lease.ok());
  RegisterCall asked;
  asked.registration_token = lease->registration_token;
  asked.nonce = "nonce-0123456789abcdef";
  asked.platform = "linux/amd64";
  const Answer answer = exchange(*workers_, "POST", "/worker/v1/register", to_json(asked));
  ASSERT_EQ(answer.status, 200) << answer.text;
  const auto instructions = parse_worker_instructions(answer.text);
  ASSERT_TRUE(instructions.ok()) << instructions.error().message;
  EXPECT_EQ(instructions->build.id, id_);
  EXPECT_EQ(instructions->build.state, BuildState::running);
  EXPECT_EQ(instructions->registry, "registry.example.com");
  EXPECT_TRUE(instructions->registry_secure);
  EXPECT_EQ(instructions->heartbeat_interval, std::chrono::seconds(5));
  EXPECT_EQ(instructions->git_protocols, (std::vector<std::string>{"https", "ssh"}));
  EXPECT_EQ(instructions->timeout, std::chrono::hours(1));
  EXPECT_EQ(call("heartbeat", "{}", instructions->token).status, 200);

  // Its answer lost, the same worker may ask again; another may not.
  const Answer again = exchange(*workers_, "POST", "/worker/v1/register", to_json(asked));
  ASSERT_EQ(again.status, 200);
  EXPECT_EQ(parse_worker_instructions(again.text)->token, instructions->token);
  asked.nonce = "another-0123456789abcdef";
  EXPECT_EQ(exchange(*workers_, "POST", "/worker/v1/register", to_json(asked)).status, 409);
  asked.registration_token = "unknown";
  EXPECT_EQ(exchange(*workers_, "POST", "/worker/v1/register", to_json(asked)).status, 401);
  EXPECT_EQ(exchange(*workers_, "POST", "/worker/v1/register", "{").status, 400);
}

TEST_F(WorkerHandlerTest, LogsAreTakenOnceAndHolesAreToldTheSize) {
  const std::string token = run(id_).token;
  EXPECT_EQ(call("log?offset=0", "hello ", token).text, R"({"size":6})");
  EXPECT_EQ(call("log?offset=0", "hello ", token).text, R"({"size":6})");
  EXPECT_EQ(call("log?offset=6", "world\n", token).text, R"({"size":12})");
  const Answer hole = call("log?offset=99", "x", token);
  EXPECT_EQ(hole.status, 416);
  EXPECT_EQ(hole.text, R"({"size":12})");
  std::string log;
  ASSERT_TRUE(logs_.read(id_, 0, 100, log).ok());
  EXPECT_EQ(log, "hello world\n");
  EXPECT_EQ(call("log", "x", token).status, 400);
  EXPECT_EQ(call("log?offset=-1", "x", token).status, 400);
  EXPECT_EQ(call("log?offset=12", std::string(max_log_chunk + 1, 'x'), token).status, 413);
}

TEST_F(WorkerHandlerTest, PhasesAndFailure) {
  const std::string token = run(id_).token;
  PhaseCall phase;
  phase.phase = BuildPhase::building;
  phase.commit = "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5";
  EXPECT_EQ(call("phase", to_json(phase), token).status, 200);
  EXPECT_EQ(queue_->find(id_)->phase, BuildPhase::building);
  FinishCall finish;
  finish.failure = BuildFailure{FailureClass::user, "step_failed", "RUN make: exit status 2", 2};
  EXPECT_EQ(call("finish", to_json(finish), token).status, 200);
  EXPECT_EQ(queue_->find(id_)->state, BuildState::failed);
  EXPECT_EQ(queue_->find(id_)->failure, finish.failure);
}

TEST_F(WorkerHandlerTest, SuccessMovesTheTags) {
  const std::string token = run(id_).token;
  const auto repository = *RepositoryName::parse("app/web");
  const std::string config = "{}";
  ASSERT_TRUE(registry_->put_blob(repository, digest_of(config), config).ok());
  const std::string manifest =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{)"
      R"("mediaType":"application/vnd.oci.image.config.v1+json","digest":")" +
      digest_of(config).to_string() + R"(","size":2},"layers":[]})";
  const Digest digest = digest_of(manifest);
  const auto put = registry_->put_manifest(repository, Reference(digest), manifest,
                                           "application/vnd.oci.image.manifest.v1+json");
  ASSERT_TRUE(put.ok()) << put.error().message;
  FinishCall finish;
  finish.digest = digest;
  const Answer answer = call("finish", to_json(finish), token);
  EXPECT_EQ(answer.status, 200) << answer.text;
  EXPECT_EQ(queue_->find(id_)->state, BuildState::succeeded);
  const auto tagged = registry_->stat_manifest(repository, Reference(*Tag::parse("latest")));
  ASSERT_TRUE(tagged.ok());
  EXPECT_EQ(tagged->digest, digest);
}

TEST_F(WorkerHandlerTest, AReplacedWorkerIsToldToStop) {
  const Registration old = run(id_);
  const WorkerCredential attempt{id_, old.build.epoch};
  ASSERT_TRUE(queue_->interrupted(attempt, AttemptOutcome::lost, "worker_lost", "").ok());
  const std::string size_before = std::to_string(*logs_.size(id_));
  FinishCall finish;
  finish.failure = BuildFailure{FailureClass::user, "step_failed", "x", 1};
  for (const auto& [what, body] : {std::pair<std::string, std::string>{"heartbeat", "{}"},
                                   {"phase", to_json(PhaseCall())},
                                   {"log?offset=" + size_before, "late\n"},
                                   {"finish", to_json(finish)}}) {
    const Answer answer = call(what, body, old.token);
    EXPECT_EQ(answer.status, 409) << what;
    EXPECT_EQ(answer.code(), "conflict") << what;
  }
  EXPECT_EQ(queue_->find(id_)->state, BuildState::queued);
  EXPECT_EQ(std::to_string(*logs_.size(id_)), size_before);
}

TEST_F(WorkerHandlerTest, ACancelledBuildsWorkerIsToldToStop) {
  const std::string token = run(id_).token;
  ASSERT_TRUE(queue_->cancel(id_, "requested").ok());
  EXPECT_EQ(call("heartbeat", "{}", token).status, 409);
}

TEST_F(WorkerHandlerTest, OnlyTheBuildsOwnWorkerMayCall) {
  const std::string token = run(id_).token;
  const std::string other = submit("app/other");
  const std::string other_token = run(other).token;
  EXPECT_EQ(call("heartbeat", "{}", other_token).status, 403);
  EXPECT_EQ(call("heartbeat", "{}", administrator_).status, 403);
  EXPECT_EQ(call("heartbeat", "{}", "").status, 401);
  EXPECT_EQ(call("heartbeat", "{}", token).status, 200);
  // And a worker has no part in the people's API.
  EXPECT_EQ(get("/api/v1/builds/" + id_, token).status, 404);
  EXPECT_EQ(post("/api/v1/builds/" + id_ + "/cancel", "", token).status, 404);
}

TEST_F(WorkerHandlerTest, TheContextIsSentAsItCame) {
  const std::string small = "a small tar";
  const std::string large(200'000, 't');  // an object, not a value
  for (const std::string& bytes : {small, large}) {
    const auto repository = *RepositoryName::parse("app/web");
    ASSERT_TRUE(registry_->put_blob(repository, digest_of(bytes), bytes).ok());
    const auto build = queue_->submit(
        BuildRequest(repository, ContextSource{digest_of(bytes), "application/x-tar"}));
    ASSERT_TRUE(build.ok()) << build.error().message;
    id_ = build->id;
    const std::string token = run(id_).token;
    const Answer answer =
        exchange(*workers_, "GET", "/worker/v1/builds/" + id_ + "/context", {}, bearer(token));
    EXPECT_EQ(answer.status, 200) << answer.text;
    EXPECT_TRUE(answer.text == bytes);
    EXPECT_EQ(answer.response.field("Content-Type"), "application/x-tar");
  }
}

TEST_F(WorkerHandlerTest, AGitBuildHasNoContext) {
  const std::string token = run(id_).token;
  const Answer answer =
      exchange(*workers_, "GET", "/worker/v1/builds/" + id_ + "/context", {}, bearer(token));
  EXPECT_EQ(answer.status, 404);
}

}  // namespace
}  // namespace slipway
