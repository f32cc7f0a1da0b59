// From a build's change to the provider's answer, with a provider that says what the test wants.

#include "serve/status_courier.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "notify/outbox.hpp"
#include "serve/outbox_sender.hpp"
#include "storage/key_space.hpp"
#include "tests/build/queue_world.hpp"

namespace slipway {
namespace {

class Provider final : public HttpTransport {
 public:
  Result<IncomingResponse> send(const OutgoingRequest& request, const BodySink&,
                                std::stop_token) override {
    requests.push_back(request);
    if (meanwhile) meanwhile();
    if (unreachable) return Error(ErrorCode::unavailable, "connection refused");
    IncomingResponse response;
    response.status = status;
    response.fields = fields;
    return response;
  }

  /// What the last request said of the build.
  [[nodiscard]] std::string state() const {
    const std::string& body = requests.back().body;
    const std::size_t begin = body.find(R"("state":")") + 9;
    return body.substr(begin, body.find('"', begin) - begin);
  }

  int status = 201;
  std::vector<std::pair<std::string, std::string>> fields;
  bool unreachable = false;
  std::function<void()> meanwhile;
  std::vector<OutgoingRequest> requests;
};

class StatusCourierTest : public ::testing::Test {
 protected:
  Trigger trigger(const std::string& token, const std::string& url = "https://github.com/a/b.git") {
    TriggerRequest request(*RepositoryName::parse("app/web"));
    request.git_url = url;
    request.status_token = token;
    return triggers_.create(request).value();
  }

  Build submit(const Trigger& trigger) {
    BuildRequest request(trigger.request.repository,
                         GitSource{trigger.request.git_url, "refs/heads/main", test::some_commit});
    request.trigger = BuildTrigger{trigger.id, "github", ""};
    return world_.submit(request);
  }

  /// When the next is due; nullopt: the outbox is empty. Pauses have their full length.
  std::optional<Timestamp> send() {
    StatusCourier courier({*world_.queue, triggers_, provider_, destinations_},
                          "https://registry.example.com");
    OutboxSenderOptions options;
    options.jitter = [] { return 0.0; };
    OutboxSender sender({world_.stores->metadata(), world_.clock, Log::none(),
                         {{OutboxKind::status, &courier}}},
                        std::move(options));
    const auto next = sender.send_due();
    EXPECT_TRUE(next.ok());
    return next ? *next : std::nullopt;
  }

  test::QueueWorld world_;
  TriggerStore triggers_{world_.stores->metadata(), world_.clock};
  Provider provider_;
  DestinationRules destinations_;
};

TEST_F(StatusCourierTest, TellsEachStateOnce) {
  const Build build = submit(trigger("t0ken"));
  EXPECT_EQ(send(), std::nullopt);
  ASSERT_EQ(provider_.requests.size(), 1U);
  EXPECT_EQ(provider_.requests[0].url, "https://api.github.com/repos/a/b/statuses/" +
                                           std::string(test::some_commit));
  EXPECT_EQ(provider_.requests[0].method, HttpMethod::post);
  EXPECT_EQ(provider_.state(), "pending");
  EXPECT_EQ(send(), std::nullopt);
  EXPECT_EQ(provider_.requests.size(), 1U);
  ASSERT_TRUE(world_.queue->cancel(build.id, "requested").ok());
  send();
  EXPECT_EQ(provider_.requests.size(), 2U);
  EXPECT_EQ(provider_.state(), "error");
  EXPECT_NE(provider_.requests[1].body.find("https://registry.example.com/api/v1/builds/" + build.id),
            std::string::npos);
}

TEST_F(StatusCourierTest, WithoutATokenNothingIsSent) {
  submit(trigger(""));
  EXPECT_EQ(send(), std::nullopt);
  EXPECT_TRUE(provider_.requests.empty());
}

TEST_F(StatusCourierTest, AProviderThatIsAwayIsToldTheLatestWhenItIsBack) {
  provider_.unreachable = true;
  const Build build = submit(trigger("t0ken"));
  const Timestamp first = world_.clock.now();
  EXPECT_EQ(send(), first + std::chrono::seconds(1));
  EXPECT_EQ(send(), first + std::chrono::seconds(1)) << "not before it is due";
  EXPECT_EQ(provider_.requests.size(), 1U);
  world_.clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(send(), first + std::chrono::seconds(3));
  world_.reopen();  // as after a restart
  ASSERT_TRUE(world_.queue->cancel(build.id, "requested").ok());
  provider_.unreachable = false;
  EXPECT_EQ(send(), std::nullopt);
  EXPECT_EQ(provider_.requests.size(), 3U);
  EXPECT_EQ(provider_.state(), "error");
}

TEST_F(StatusCourierTest, BusyProvidersAreAskedAgainAndRefusalsAreFinal) {
  for (const int status : {500, 503, 429, 408}) {
    provider_.status = status;
    submit(trigger("t0ken"));
    EXPECT_TRUE(send().has_value()) << status;
    provider_.status = 201;
    world_.clock.advance(std::chrono::hours(1));
    EXPECT_EQ(send(), std::nullopt);
  }
  for (const int status : {302, 401, 403, 404, 422}) {
    provider_.status = status;
    submit(trigger("t0ken"));
    EXPECT_EQ(send(), std::nullopt) << status;
  }
}

TEST_F(StatusCourierTest, ItIsGivenUpAfterAboutADay) {
  provider_.unreachable = true;
  submit(trigger("t0ken"));
  const Timestamp begin = world_.clock.now();
  while (const auto next = send()) world_.clock.advance(*next - world_.clock.now());
  const auto took = world_.clock.now() - begin;
  EXPECT_GT(took, std::chrono::hours(24)) << "with the longest pauses; on average three quarters";
  EXPECT_LT(took, std::chrono::hours(30));
}

TEST_F(StatusCourierTest, AChangeWhileOneIsSentIsSentToo) {
  const Build build = submit(trigger("t0ken"));
  provider_.meanwhile = [&] {
    provider_.meanwhile = {};
    EXPECT_TRUE(world_.queue->cancel(build.id, "requested").ok());
  };
  EXPECT_EQ(send(), std::nullopt);
  ASSERT_EQ(provider_.requests.size(), 2U);
  EXPECT_NE(provider_.requests[0].body.find(R"("state":"pending")"), std::string::npos);
  EXPECT_EQ(provider_.state(), "error");
}

TEST_F(StatusCourierTest, ATriggerThatIsGoneOrAUrlWithoutTlsIsSentNothing) {
  const Trigger made = trigger("t0ken");
  submit(made);
  ASSERT_TRUE(triggers_.remove(made.request.repository, made.id).ok());
  EXPECT_EQ(send(), std::nullopt);
  TriggerRequest request(*RepositoryName::parse("app/web"));
  request.git_url = "https://github.com/a/b";
  request.status_token = "t0ken";
  request.status_api = "http://git.example.com/api/v1";
  submit(triggers_.create(request).value());
  EXPECT_EQ(send(), std::nullopt);
  EXPECT_TRUE(provider_.requests.empty());
  ASSERT_TRUE(destinations_.allow("git.example.com").ok());
  submit(triggers_.create(request).value());
  EXPECT_EQ(send(), std::nullopt);
  EXPECT_EQ(provider_.requests.size(), 1U);
}

TEST_F(StatusCourierTest, AProviderThatLimitsRatesIsLeftAloneForAsLongAsItSays) {
  provider_.fields = {{"Retry-After", "120"}};
  for (const int status : {403, 429, 503}) {
    provider_.status = status;
    submit(trigger("t0ken"));
    EXPECT_EQ(send(), world_.clock.now() + std::chrono::seconds(120)) << status;
    provider_.status = 201;
    world_.clock.advance(std::chrono::seconds(120));
    EXPECT_EQ(send(), std::nullopt);
  }
}

TEST_F(StatusCourierTest, WhatAnEarlierVersionLeftInTheOutboxIsSent) {
  const Build build = submit(trigger("t0ken"));
  ASSERT_TRUE(world_.stores->metadata()
                  .write([&](WriteTransaction& transaction) -> Result<void> {
                    SLIPWAY_CHECK(outbox::withdraw(transaction, build.id));
                    std::string row;  // revision, failed tries, when next
                    for (const std::uint64_t number : {3U, 1U, 2U})
                      key_space::append_number(row, number);
                    return transaction.put(key_space::Key(key_space::outbox).text(build.id), row);
                  })
                  .ok());
  world_.reopen();
  EXPECT_EQ(send(), std::nullopt);
  ASSERT_EQ(provider_.requests.size(), 1U);
  EXPECT_EQ(provider_.state(), "pending");
}

}  // namespace
}  // namespace slipway
