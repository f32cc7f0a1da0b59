// Where a build's secrets are, and are not, from its submit to its end.
#include "build/build_secrets.hpp"

#include <gtest/gtest.h>

#include <slipway/build/trigger.hpp>

#include "build/build_json.hpp"
#include "tests/build/queue_world.hpp"

namespace slipway::test {
namespace {

const std::string secret = "correct-horse-battery";
const std::string git_url = "https://ada:open-sesame@git.example.com/a.git";

class BuildSecretsTest : public testing::TestWithParam<StoreKind> {
 protected:
  BuildQueue& queue() { return *world.queue; }

  Build submit() {
    BuildRequest request = request_for("app");
    std::get<GitSource>(request.source).url = git_url;
    return queue().submit(request, {{{"npm", secret}}, ""}).value();
  }

  /// Is the text anywhere in the store, in clear or in base64?
  bool in_store(const std::string& text) {
    const auto view = world.stores->metadata().snapshot().value();
    const auto cursor = view->cursor().value();
    for (bool found = cursor->seek(std::string(1, '\0')).value(); found;
         found = cursor->next().value())
      for (const std::string& form : {text, base64_encode(text), base64url_encode(text)})
        if (cursor->value().find(form) != std::string_view::npos) return true;
    return false;
  }
  bool has_row(const std::string& id) {
    const auto view = world.stores->metadata().snapshot().value();
    return view->get("qk" + id + '\0').value().has_value();
  }

  QueueWorld world{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Stores, BuildSecretsTest,
                         testing::Values(StoreKind::memory, StoreKind::lmdb),
                         [](const auto& kind) {
                           return kind.param == StoreKind::memory ? "memory" : "lmdb";
                         });

TEST_P(BuildSecretsTest, AreSealedInTheStoreAndNamedByIdOnly) {
  const Build build = submit();
  EXPECT_EQ(build.request.secrets, std::vector<std::string>{"npm"});
  const auto& git = std::get<GitSource>(build.request.source);
  EXPECT_EQ(git.url, "https://git.example.com/a.git");
  EXPECT_TRUE(git.credentials);
  EXPECT_TRUE(has_row(build.id));
  EXPECT_FALSE(in_store(secret));
  EXPECT_FALSE(in_store("open-sesame"));
  const std::string json = to_json(queue().find(build.id).value());
  EXPECT_EQ(json.find(secret), json.npos);
  EXPECT_EQ(json.find("open-sesame"), json.npos);
  EXPECT_NE(json.find(R"("secrets":[{"id":"npm"}])"), json.npos) << json;
  EXPECT_EQ(parse_build(json).value(), queue().find(build.id).value());
}

TEST_P(BuildSecretsTest, GoToTheWorkerThatRegisters) {
  const Build build = submit();
  const BuildLease lease = queue().lease(build.id, "local").value();
  world.reopen();
  const Registration given = queue().register_worker(lease.registration_token, some_nonce).value();
  EXPECT_EQ(given.secrets, (BuildSecrets{{{"npm", secret}}, git_url}));
  EXPECT_EQ(queue().register_worker(lease.registration_token, some_nonce)->secrets, given.secrets)
      << "its answer was lost";
}

TEST_P(BuildSecretsTest, AReplayedRegistrationReturnsNoSecretsAgain) {
  const Build build = submit();
  const WorkerCredential attempt{build.id, 1};
  const BuildLease lease = queue().lease(build.id, "local").value();
  ASSERT_TRUE(queue().register_worker(lease.registration_token, some_nonce).ok());
  ASSERT_TRUE(queue().begin_phase(attempt, BuildPhase::fetching, "").ok());
  const auto replayed = queue().register_worker(lease.registration_token, some_nonce);
  ASSERT_FALSE(replayed.ok()) << "whoever overheard the call gets nothing by it";
  EXPECT_EQ(replayed.error().code, ErrorCode::conflict);
}

TEST_P(BuildSecretsTest, AreThereForEachTryAndGoWithTheEnd) {
  const Build build = submit();
  const WorkerCredential first = world.run(build.id);
  ASSERT_TRUE(queue().interrupted(first, AttemptOutcome::lost, "worker_lost", "").ok());
  world.clock.advance(std::chrono::minutes(1));
  ASSERT_TRUE(queue().summary().ok());
  const BuildLease lease = queue().lease(build.id, "local").value();
  EXPECT_EQ(queue().register_worker(lease.registration_token, some_nonce)->secrets.files.at("npm"),
            secret);
  ASSERT_TRUE(queue()
                  .fail({build.id, 2}, {FailureClass::user, "step_failed", "", 1})
                  .ok());
  EXPECT_FALSE(has_row(build.id));
  const auto retried = queue().retry(build.id);
  ASSERT_FALSE(retried.ok());
  EXPECT_EQ(retried.error().code, ErrorCode::conflict);
  EXPECT_NE(retried.error().message.find("submit it again"), std::string::npos);
}

TEST_P(BuildSecretsTest, GoWithACancelledBuild) {
  const Build build = submit();
  ASSERT_TRUE(queue().cancel(build.id, "requested").ok());
  EXPECT_FALSE(has_row(build.id));
}

TEST_P(BuildSecretsTest, ARetryOfATriggersBuildTakesThePasswordFromTheTrigger) {
  TriggerStore triggers(world.stores->metadata(), world.clock);
  TriggerRequest wanted(RepositoryName::parse("app").value());
  wanted.git_url = git_url;
  const Trigger trigger = triggers.create(wanted).value();
  BuildRequest request = request_for("app");
  std::get<GitSource>(request.source).url = git_url;
  request.trigger = BuildTrigger{trigger.id, "github", "d-1", false};
  const Build build = world.submit(request);
  ASSERT_TRUE(queue().cancel(build.id, "requested").ok());
  const Build again = queue().retry(build.id).value();
  const BuildLease lease = queue().lease(again.id, "local").value();
  EXPECT_EQ(queue().register_worker(lease.registration_token, some_nonce)->secrets.git_url,
            git_url);
  ASSERT_TRUE(queue().cancel(again.id, "requested").ok());
  ASSERT_TRUE(triggers.remove(wanted.repository, trigger.id).ok());
  EXPECT_EQ(queue().retry(again.id).error().code, ErrorCode::conflict);
}

TEST_P(BuildSecretsTest, TooManyOrWronglyNamedOnesAreRefused) {
  const auto refusal = [&](BuildSecrets secrets) {
    return queue().submit(request_for("app"), secrets).error().code;
  };
  EXPECT_EQ(refusal({{{"../etc", "x"}}, ""}), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal({{{"-o", "x"}}, ""}), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal({{{"a,src=/etc/shadow", "x"}}, ""}), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal({{{"big", std::string(512 * 1024 + 1, 'x')}}, ""}), ErrorCode::too_large);
  EXPECT_TRUE(queue().submit(request_for("app"), {{{"big", std::string(512 * 1024, 'x')}}, ""}).ok());
}

}  // namespace
}  // namespace slipway::test
