// Subscriptions and their deliveries, in the store.

#include <slipway/notify/notification.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <slipway/storage/memory_metadata_store.hpp>
#include <slipway/support/sealer.hpp>

#include "json/value.hpp"
#include "notify/notices.hpp"
#include "notify/outbox.hpp"
#include "storage/key_space.hpp"

namespace slipway {
namespace {

using namespace std::chrono_literals;

class NotificationTest : public ::testing::Test {
 protected:
  Notification subscribe(const std::string& repositories = "**",
                         std::vector<NotificationEvent> events = all_notification_events()) {
    NotificationRequest request;
    request.url = "https://ci.example.com/hooks";
    request.repositories = repositories;
    request.events = std::move(events);
    clock_.advance(1ms);
    return store_.create(request).value();
  }
  void happen(NotificationEvent event, std::string_view repository) {
    clock_.advance(1ms);
    EXPECT_TRUE(metadata_
                    ->write([&](WriteTransaction& transaction) {
                      return notices::announce(
                          transaction, {event, repository, "v1", [] { return R"({"n":1})"; }},
                          clock_.now());
                    })
                    .ok());
  }
  std::vector<Notice> deliveries(const Notification& notification) {
    return store_.deliveries(notification.id, "", 100).value().notices;
  }
  std::size_t outgoing() {
    const auto view = metadata_->snapshot().value();
    return outbox::waiting(*view, "ci.example.com", 1000).value().size();
  }
  /// As the courier does when it was taken.
  void settle(const Notice& notice) {
    EXPECT_TRUE(metadata_
                    ->write([&](WriteTransaction& transaction) -> Result<void> {
                      SLIPWAY_CHECK(outbox::withdraw(transaction, notice.id));
                      Notice done = notice;
                      done.state = NoticeState::delivered;
                      done.next.reset();
                      return notices::replace(transaction, done);
                    })
                    .ok());
  }

  std::unique_ptr<MetadataStore> metadata_ = make_memory_metadata_store();
  ManualClock clock_{*parse_rfc3339("2026-11-24T09:00:00Z")};
  NotificationStore store_{*metadata_, clock_, 24h};
};

TEST_F(NotificationTest, WhoWantsItIsToldOnce) {
  const Notification all = subscribe();
  const Notification tags_of_app = subscribe("app/**", {NotificationEvent::tag_pushed});
  happen(NotificationEvent::tag_pushed, "app/web");
  happen(NotificationEvent::tag_deleted, "app/web");
  happen(NotificationEvent::tag_pushed, "other/web");
  EXPECT_EQ(deliveries(all).size(), 3U);
  const auto told = deliveries(tags_of_app);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].event, NotificationEvent::tag_pushed);
  EXPECT_EQ(told[0].repository, "app/web");
  EXPECT_EQ(told[0].state, NoticeState::pending);
  EXPECT_EQ(outgoing(), 4U);
}

TEST_F(NotificationTest, ABodyIsACloudEvent) {
  const Notification notification = subscribe();
  happen(NotificationEvent::tag_pushed, "app/web");
  const Notice notice = deliveries(notification).at(0);
  EXPECT_EQ(store_.body(notification.id, notice.id).value(),
            R"({"specversion":"1.0","id":")" + notice.id +
                R"(","source":"/api/v1/repositories/app/web","type":"slipway.tag.pushed",)"
                R"("subject":"v1","time":"2026-11-24T09:00:00.002Z",)"
                R"("datacontenttype":"application/json","data":{"n":1}})");
}

TEST_F(NotificationTest, ATransactionThatFailsTellsNothing) {
  const Notification notification = subscribe();
  const auto failed = metadata_->write([&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_CHECK(notices::announce(transaction, {NotificationEvent::tag_pushed, "a", "b", {}},
                                    clock_.now()));
    return Error(ErrorCode::conflict, "it did not happen");
  });
  EXPECT_FALSE(failed.ok());
  EXPECT_TRUE(deliveries(notification).empty());
  EXPECT_EQ(outgoing(), 0U);
}

TEST_F(NotificationTest, TheSecretIsSealedAndNotTheSameTwice) {
  const Notification one = subscribe();
  const Notification other = subscribe();
  EXPECT_TRUE(one.secret.starts_with("whsec_"));
  EXPECT_NE(one.secret, other.secret);
  EXPECT_EQ(store_.find(one.id)->secret, one.secret);
  const auto view = metadata_->snapshot().value();
  const auto row = view->get(key_space::Key(key_space::notification).text(one.id)).value();
  ASSERT_TRUE(row.has_value());
  EXPECT_TRUE(Sealer::is_sealed(*row));
  EXPECT_EQ(row->find(one.secret), row->npos);
}

TEST_F(NotificationTest, ADeletedOneLeavesNothing) {
  const Notification kept = subscribe();
  const Notification gone = subscribe();
  for (int i = 0; i < 3; ++i) happen(NotificationEvent::build_queued, "app/web");
  ASSERT_TRUE(store_.remove(gone.id).ok());
  EXPECT_EQ(store_.remove(gone.id).error().code, ErrorCode::not_found);
  EXPECT_EQ(store_.find(gone.id).error().code, ErrorCode::not_found);
  EXPECT_TRUE(deliveries(gone).empty());
  EXPECT_EQ(outgoing(), 3U);
  happen(NotificationEvent::build_queued, "app/web");
  EXPECT_EQ(deliveries(kept).size(), 4U);
  EXPECT_EQ(store_.list()->size(), 1U);
}

TEST_F(NotificationTest, ListsArePagedFromTheNewest) {
  const Notification notification = subscribe();
  for (int i = 0; i < 5; ++i) happen(NotificationEvent::build_queued, "app/web");
  const NoticePage first = store_.deliveries(notification.id, "", 2).value();
  ASSERT_EQ(first.notices.size(), 2U);
  EXPECT_TRUE(first.more);
  EXPECT_GT(first.notices[0].id, first.notices[1].id);
  const NoticePage rest = store_.deliveries(notification.id, first.notices[1].id, 10).value();
  EXPECT_EQ(rest.notices.size(), 3U);
  EXPECT_FALSE(rest.more);
  EXPECT_EQ(store_.deliveries(notification.id, "x", 1).error().code, ErrorCode::invalid_argument);
}

TEST_F(NotificationTest, ARedeliveryHasTheSameIdAndBody) {
  const Notification notification = subscribe();
  happen(NotificationEvent::tag_pushed, "app/web");
  const Notice notice = deliveries(notification).at(0);
  const std::string body = store_.body(notification.id, notice.id).value();
  settle(notice);
  EXPECT_EQ(outgoing(), 0U);
  const Notice again = store_.redeliver(notification.id, notice.id).value();
  EXPECT_EQ(again.id, notice.id);
  EXPECT_EQ(again.state, NoticeState::pending);
  EXPECT_EQ(store_.body(notification.id, notice.id).value(), body);
  EXPECT_EQ(outgoing(), 1U);
  EXPECT_EQ(store_.redeliver(subscribe().id, notice.id).error().code, ErrorCode::not_found);
}

TEST_F(NotificationTest, APingIsADelivery) {
  const Notification notification = subscribe("none", {NotificationEvent::tag_pushed});
  const Notice notice = store_.ping(notification.id).value();
  const auto body = json::Document::parse(store_.body(notification.id, notice.id).value());
  ASSERT_TRUE(body.ok());
  EXPECT_EQ(body->root().find("type").text(), "slipway.ping");
  EXPECT_EQ(outgoing(), 1U);
}

TEST_F(NotificationTest, OldOnesGoUnlessTheyWait) {
  const Notification one = subscribe();
  const Notification other = subscribe();
  for (int i = 0; i < 3; ++i) happen(NotificationEvent::tag_pushed, "app/web");
  settle(deliveries(one).at(2));
  settle(deliveries(other).at(2));
  settle(deliveries(other).at(1));
  EXPECT_EQ(store_.remove_old(clock_.now(), 100).value(), 0U);
  clock_.advance(25h);
  happen(NotificationEvent::tag_pushed, "app/web");
  settle(deliveries(one).at(0));
  EXPECT_EQ(store_.remove_old(clock_.now(), 2).value(), 2U);
  EXPECT_EQ(store_.remove_old(clock_.now(), 100).value(), 1U);
  EXPECT_EQ(store_.remove_old(clock_.now(), 100).value(), 0U);
  EXPECT_EQ(deliveries(one).size(), 3U);
  EXPECT_EQ(deliveries(other).size(), 2U);
}

TEST_F(NotificationTest, MistakesAreNamed) {
  NotificationRequest request;
  for (const char* url : {"", "ftp://example.com", "https://me:pw@example.com/", "https://"}) {
    request.url = url;
    EXPECT_EQ(store_.create(request).error().code, ErrorCode::invalid_argument) << url;
  }
  request.url = "https://example.com";
  request.repositories = "";
  EXPECT_EQ(store_.create(request).error().code, ErrorCode::invalid_argument);
  request.repositories = "**";
  for (std::size_t i = 0; i < NotificationStore::most_notifications; ++i)
    ASSERT_TRUE(store_.create(request).ok());
  EXPECT_EQ(store_.create(request).error().code, ErrorCode::quota_exceeded);
}

}  // namespace
}  // namespace slipway
