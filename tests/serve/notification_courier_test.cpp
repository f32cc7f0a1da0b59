// From a change to a receiver that answers what the test wants. Over real sockets:
// tests/end_to_end/notification_test.py.

#include "serve/notification_courier.hpp"

#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <vector>

#include <slipway/storage/memory_metadata_store.hpp>

#include "notify/notices.hpp"
#include "serve/outbox_sender.hpp"

namespace slipway {
namespace {

using namespace std::chrono_literals;

class ReceivingTransport final : public HttpTransport {
 public:
  Result<IncomingResponse> send(const OutgoingRequest& request, const BodySink&,
                                std::stop_token) override {
    const std::lock_guard lock(mutex_);
    requests.push_back(request);
    if (error) return *error;
    IncomingResponse response;
    response.status = status;
    response.body = "said the receiver";
    return response;
  }

  std::optional<Error> error;
  int status = 200;
  std::vector<OutgoingRequest> requests;

 private:
  std::mutex mutex_;
};

std::string field(const OutgoingRequest& request, std::string_view name) {
  for (const auto& [known, value] : request.fields)
    if (known == name) return value;
  return "";
}

class NotificationCourierTest : public ::testing::Test {
 protected:
  NotificationCourierTest() {
    NotificationRequest request;
    request.url = "https://ci.example.com/hooks";
    notification_ = store_.create(request).value();
  }
  void happen() {
    EXPECT_TRUE(metadata_
                    ->write([&](WriteTransaction& transaction) {
                      return notices::announce(
                          transaction,
                          {NotificationEvent::tag_pushed, "app/web", "v1", [] { return "{}"; }},
                          clock_.now());
                    })
                    .ok());
  }
  std::optional<Timestamp> send() {
    NotificationCourier courier({*metadata_, store_, transport_, clock_, destinations_});
    OutboxSenderOptions options;
    options.jitter = [] { return 0.0; };
    OutboxSender sender({*metadata_, clock_, Log::none(), {{OutboxKind::notification, &courier}}},
                        options);
    const auto next = sender.send_due();
    EXPECT_TRUE(next.ok());
    return next ? *next : std::nullopt;
  }
  Notice latest() { return store_.deliveries(notification_.id, "", 1).value().notices.at(0); }

  std::unique_ptr<MetadataStore> metadata_ = make_memory_metadata_store();
  ManualClock clock_{*parse_rfc3339("2026-11-24T09:05:03.900Z")};
  NotificationStore store_{*metadata_, clock_};
  ReceivingTransport transport_;
  DestinationRules destinations_;
  Notification notification_;
};

/// The values were computed with Python's hmac.
TEST(NotificationSignature, IsThatOfStandardWebhooks) {
  EXPECT_EQ(notification_signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                                   "msg_p5jXN8AQM9LWM0D4loKWxJek",
                                   Timestamp(1614265330s) + 999ms, R"({"test": 2432232314})")
                .value(),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  EXPECT_EQ(notification_signature("MfKQ", "a", {}, "").error().code, ErrorCode::corrupt);
}

TEST_F(NotificationCourierTest, ADeliveryIsSignedAndNoted) {
  happen();
  EXPECT_EQ(send(), std::nullopt);
  ASSERT_EQ(transport_.requests.size(), 1U);
  const OutgoingRequest& request = transport_.requests[0];
  const Notice notice = latest();
  EXPECT_EQ(request.method, HttpMethod::post);
  EXPECT_EQ(request.url, "https://ci.example.com/hooks");
  EXPECT_EQ(field(request, "webhook-id"), notice.id);
  EXPECT_EQ(field(request, "webhook-timestamp"), "1795511103");  // date -d 2026-11-24T09:05:03Z +%s
  EXPECT_EQ(field(request, "webhook-signature"),
            notification_signature(notification_.secret, notice.id, clock_.now(), request.body)
                .value());
  EXPECT_LE(request.whole_timeout.value(), 10s);
  EXPECT_LE(request.body_prefix.value(), 65536U);
  EXPECT_EQ(notice.state, NoticeState::delivered);
  EXPECT_EQ(notice.attempts, 1U);
  ASSERT_EQ(notice.latest.size(), 1U);
  EXPECT_EQ(notice.latest[0].status, 200);
  EXPECT_EQ(notice.latest[0].error, "");
}

TEST_F(NotificationCourierTest, RefusalsAreTriedAgainButForTheLast) {
  happen();
  for (const int status : {500, 404, 401, 301, 429}) {
    transport_.status = status;
    const auto next = send();
    ASSERT_TRUE(next.has_value()) << status;
    EXPECT_EQ(latest().state, NoticeState::pending);
    EXPECT_EQ(latest().next, next);
    EXPECT_NE(latest().latest.back().error.find("said the receiver"), std::string::npos);
    clock_.advance(*next - clock_.now());
  }
  transport_.status = 410;
  EXPECT_EQ(send(), std::nullopt);
  EXPECT_EQ(latest().state, NoticeState::failed);
  EXPECT_EQ(latest().attempts, 6U);
  EXPECT_EQ(latest().next, std::nullopt);
}

TEST_F(NotificationCourierTest, OfManyAttemptsTheLastTenAreKept) {
  happen();
  transport_.error = Error(ErrorCode::unavailable, "connection refused");
  while (const auto next = send()) clock_.advance(*next - clock_.now());
  const Notice notice = latest();
  EXPECT_EQ(notice.state, NoticeState::failed);
  EXPECT_EQ(notice.attempts, 40U);
  EXPECT_EQ(notice.latest.size(), Notice::most_kept_attempts);
  EXPECT_EQ(notice.latest.back().status, 0);
  EXPECT_EQ(notice.latest.back().error, "connection refused");
}

TEST_F(NotificationCourierTest, ACertificateOrAddressThatIsRefusedMayBeMended) {
  happen();
  transport_.error = Error(ErrorCode::denied, "10.0.0.1 is an address of this network");
  const auto next = send();
  ASSERT_TRUE(next.has_value());
  EXPECT_EQ(latest().state, NoticeState::pending);
  transport_.error.reset();
  clock_.advance(*next - clock_.now());
  EXPECT_EQ(send(), std::nullopt);
  EXPECT_EQ(latest().state, NoticeState::delivered);
}

TEST_F(NotificationCourierTest, AUrlThatTheOperatorNoLongerAllowsIsTheEnd) {
  NotificationRequest request;
  request.url = "http://ci.internal.example.com/";
  notification_ = store_.create(request).value();
  happen();
  EXPECT_EQ(send(), std::nullopt);
  EXPECT_EQ(latest().state, NoticeState::failed);
  EXPECT_EQ(transport_.requests.size(), 1U) << "that of the other subscription";
}

TEST_F(NotificationCourierTest, WhatASubscriptionThatIsGoneLeftIsNotSent) {
  happen();
  const Notice notice = latest();
  ASSERT_TRUE(store_.remove(notification_.id).ok());
  EXPECT_EQ(send(), std::nullopt);
  EXPECT_TRUE(transport_.requests.empty());
  const auto view = metadata_->snapshot().value();
  EXPECT_EQ(notices::find(*view, notice.id).value(), std::nullopt);
}

}  // namespace
}  // namespace slipway
