#include <slipway/build/worker_protocol.hpp>

#include <gtest/gtest.h>

namespace slipway {
namespace {

using testing::HasSubstr;

TEST(WorkerProtocol, RegisterCall) {
  const RegisterCall call{"slpr_x", "0123456789abcdef", "linux/amd64"};
  EXPECT_EQ(
      to_json(call),
      R"({"registration_token":"slpr_x","nonce":"0123456789abcdef","platform":"linux/amd64"})");
  const auto read = parse_register_call(to_json(call));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->registration_token, "slpr_x");
  EXPECT_EQ(read->nonce, "0123456789abcdef");
  EXPECT_EQ(read->platform, "linux/amd64");
  EXPECT_THAT(parse_register_call(R"({"nonce":"x"})").error().message,
              HasSubstr("registration_token"));
}

TEST(WorkerProtocol, Instructions) {
  Build build("01JDCZ0M4Y7W3Q6S8N2V5X9K1B",
              BuildRequest(RepositoryName::parse("app").value(),
                           GitSource{"https://git.example.com/a", "HEAD", ""}));
  WorkerInstructions instructions(build);
  instructions.token = "slpw_x";
  instructions.registry = "registry.example.com:5000";
  instructions.registry_secure = true;
  instructions.log_offset = 17;
  instructions.timeout = std::chrono::minutes(2);
  instructions.heartbeat_interval = std::chrono::milliseconds(250);
  instructions.git_protocols = {"https"};
  instructions.secrets = {{{"npm", "hunter2"}}, "https://me:pw@git.example.com/a"};
  instructions.registries = {{"docker.io", "ada", "pw"}};
  instructions.layer_cache = "app/layer-cache";
  const std::string json = to_json(instructions);
  EXPECT_EQ(json,
            R"({"build":{"id":"01JDCZ0M4Y7W3Q6S8N2V5X9K1B","repository":"app","tenant":"app",)"
            R"("state":"queued","source":{"git":{"url":"https://git.example.com/a","ref":"HEAD"}},)"
            R"("context":".","dockerfile":"Dockerfile"},"token":"slpw_x",)"
            R"("registry":"registry.example.com:5000","registry_secure":true,"log_offset":17,)"
            R"("timeout":120,"heartbeat_interval_ms":250,"git_protocols":["https"],)"
            R"("secrets":[{"id":"npm","value":"aHVudGVyMg=="}],)"
            R"("git_url":"https://me:pw@git.example.com/a",)"
            R"("registries":[{"host":"docker.io","username":"ada","password":"pw"}],)"
            R"("layer_cache":"app/layer-cache"})");
  const auto read = parse_worker_instructions(json);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->build, build);
  EXPECT_EQ(read->token, "slpw_x");
  EXPECT_EQ(read->registry, "registry.example.com:5000");
  EXPECT_TRUE(read->registry_secure);
  EXPECT_EQ(read->log_offset, 17U);
  EXPECT_EQ(read->timeout, std::chrono::minutes(2));
  EXPECT_EQ(read->heartbeat_interval, std::chrono::milliseconds(250));
  EXPECT_EQ(read->git_protocols, std::vector<std::string>{"https"});
  EXPECT_EQ(read->secrets, instructions.secrets);
  EXPECT_EQ(read->registries, instructions.registries);
  EXPECT_EQ(read->layer_cache, "app/layer-cache");
}

TEST(WorkerProtocol, InstructionsThatMakeNoSenseAreRefused) {
  EXPECT_THAT(parse_worker_instructions("{}").error().message, HasSubstr("build"));
  EXPECT_THAT(
      parse_worker_instructions(
          R"({"build":{"id":"01JDCZ0M4Y7W3Q6S8N2V5X9K1B","repository":"app","state":"queued",)"
          R"("source":{"git":{"url":"https://x.example"}}},"token":"t","registry":"r",)"
          R"("log_offset":0,"timeout":1,"heartbeat_interval_ms":0})")
          .error()
          .message,
      HasSubstr("heartbeat_interval_ms"));
}

TEST(WorkerProtocol, PhaseCall) {
  EXPECT_EQ(to_json(PhaseCall{BuildPhase::building, "abc"}),
            R"({"phase":"building","commit":"abc"})");
  EXPECT_EQ(to_json(PhaseCall{BuildPhase::fetching, ""}), R"({"phase":"fetching"})");
  EXPECT_EQ(parse_phase_call(R"({"phase":"pushing"})")->phase, BuildPhase::pushing);
  EXPECT_THAT(parse_phase_call(R"({"phase":"resting"})").error().message, HasSubstr("phase"));
  EXPECT_THAT(parse_phase_call("{}").error().message, HasSubstr("phase"));
}

TEST(WorkerProtocol, FinishCall) {
  const char* digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
  EXPECT_EQ(to_json(FinishCall{Digest::parse(digest).value(), std::nullopt}),
            std::string(R"({"digest":")") + digest + R"("})");
  const FinishCall failed{std::nullopt,
                          BuildFailure{FailureClass::infrastructure, "disk_full", "no space", {}}};
  EXPECT_EQ(to_json(failed),
            R"({"failure":{"class":"infrastructure","reason":"disk_full","message":"no space"}})");
  EXPECT_EQ(parse_finish_call(to_json(failed))->failure, failed.failure);
  const ResourceUsage usage{std::chrono::milliseconds(1234), 5, 6};
  const FinishCall used{Digest::parse(digest).value(), std::nullopt, usage};
  EXPECT_EQ(to_json(used), std::string(R"({"digest":")") + digest +
                               R"(","usage":{"cpu_ms":1234,"peak_memory_bytes":5,"disk_bytes":6}})");
  EXPECT_EQ(parse_finish_call(to_json(used))->usage, usage);
  EXPECT_EQ(parse_finish_call("{}").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(parse_finish_call(std::string(R"({"digest":")") + digest +
                              R"(","failure":{"class":"user","reason":"x"}})")
                .error()
                .code,
            ErrorCode::invalid_argument);
  EXPECT_THAT(parse_finish_call(R"({"failure":{"class":"lazy","reason":"x"}})").error().message,
              HasSubstr("failure: class"));
}

}  // namespace
}  // namespace slipway
