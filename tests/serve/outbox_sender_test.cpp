// Who waits for whom when much is to be sent, with couriers that take as long as the test wants.

#include "serve/outbox_sender.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include <slipway/storage/open_stores.hpp>
#include <slipway/support/ulid.hpp>

namespace slipway {
namespace {

using namespace std::chrono_literals;

/// Notes who comes; those to a held destination wait until it is let go or the sender stops.
class HoldingCourier final : public Courier {
 public:
  Result<Attempt> carry(const OutboxItem& item, const std::stop_token& stop) override {
    std::unique_lock lock(mutex_);
    carried_.push_back(item);
    most_out_ = std::max(most_out_, ++out_);
    std::size_t& here = out_to_[item.destination];
    most_to_[item.destination] = std::max(most_to_[item.destination], ++here);
    changed_.notify_all();
    changed_.wait(lock, stop, [&] { return !held_.contains(item.destination); });
    --out_;
    --here;
    changed_.notify_all();
    return answer;
  }

  void hold(const std::string& destination) {
    const std::lock_guard lock(mutex_);
    held_.insert(destination);
  }
  void let_go(const std::string& destination) {
    const std::lock_guard lock(mutex_);
    held_.erase(destination);
    changed_.notify_all();
  }
  void wait_for(const std::string& destination, std::size_t count) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, 60s, [&] { return count_of(destination) >= count; }))
        << destination << " got " << count_of(destination);
  }
  std::size_t carried(const std::string& destination) {
    const std::lock_guard lock(mutex_);
    return count_of(destination);
  }
  std::size_t most_at_once(const std::string& destination) {
    const std::lock_guard lock(mutex_);
    return most_to_[destination];
  }
  std::size_t most_at_once() {
    const std::lock_guard lock(mutex_);
    return most_out_;
  }
  std::vector<OutboxItem> all() {
    const std::lock_guard lock(mutex_);
    return carried_;
  }

  Attempt answer;  // to be set before anything is sent

 private:
  std::size_t count_of(const std::string& destination) {
    return static_cast<std::size_t>(
        std::count_if(carried_.begin(), carried_.end(), [&](const OutboxItem& item) {
          return item.destination == destination;
        }));
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::set<std::string> held_;  // guarded by mutex_, as what follows
  std::vector<OutboxItem> carried_;
  std::map<std::string, std::size_t> out_to_;
  std::map<std::string, std::size_t> most_to_;
  std::size_t out_ = 0;
  std::size_t most_out_ = 0;
};

class OutboxSenderTest : public ::testing::Test {
 protected:
  std::string put(const std::string& destination, std::chrono::milliseconds from_now = 0ms) {
    clock_.advance(1ms);
    std::string id = make_ulid(clock_.now());
    put_again(id, destination, from_now);
    return id;
  }
  void put_again(const std::string& id, const std::string& destination,
                 std::chrono::milliseconds from_now = 0ms) {
    EXPECT_TRUE(stores_->metadata()
                    .write([&](WriteTransaction& transaction) {
                      return outbox::put(transaction, OutboxKind::status, id, destination,
                                         clock_.now() + from_now);
                    })
                    .ok());
  }
  std::unique_ptr<OutboxSender> sender(OutboxSenderOptions options = {}) {
    options.jitter = [] { return 0.0; };
    return std::make_unique<OutboxSender>(
        OutboxSenderParts{stores_->metadata(), clock_, Log::none(),
                          {{OutboxKind::status, &courier_}}},
        std::move(options));
  }
  std::size_t left() {
    const auto view = stores_->metadata().snapshot().value();
    std::size_t count = 0;
    const auto destinations = outbox::destinations(*view).value();
    for (const std::string& destination : destinations)
      count += outbox::waiting(*view, destination, 100'000).value().size();
    return count;
  }

  ManualClock clock_{parse_rfc3339("2026-11-24T09:00:00Z").value()};
  std::unique_ptr<Stores> stores_ = make_memory_stores();
  HoldingCourier courier_;
};

TEST_F(OutboxSenderTest, ASlowDestinationDelaysOnlyItself) {
  courier_.hold("slow.example.com");
  for (int i = 0; i < 50; ++i) put("slow.example.com");
  const auto running = sender();
  running->run();
  courier_.wait_for("slow.example.com", 4);
  for (int i = 0; i < 20; ++i) put("quick.example.com");
  courier_.wait_for("quick.example.com", 20);
  EXPECT_EQ(courier_.carried("slow.example.com"), 4U);
  courier_.let_go("slow.example.com");
  courier_.wait_for("slow.example.com", 50);
  EXPECT_EQ(courier_.most_at_once("slow.example.com"), 4U);
}

TEST_F(OutboxSenderTest, WhatWaitsForLaterHidesNothingThatIsDue) {
  ASSERT_TRUE(stores_->metadata()
                  .write([&](WriteTransaction& transaction) -> Result<void> {
                    for (int i = 0; i < 12'000; ++i)
                      SLIPWAY_CHECK(outbox::put(transaction, OutboxKind::status,
                                                make_ulid(clock_.now()), "a.example.com",
                                                clock_.now() + 1h));
                    return {};
                  })
                  .ok());
  put("a.example.com");
  put("b.example.com");
  const Timestamp start = clock_.now();
  const auto next = sender()->send_due();
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(courier_.carried("a.example.com"), 1U);
  EXPECT_EQ(courier_.carried("b.example.com"), 1U);
  ASSERT_TRUE(next->has_value());
  EXPECT_GT(**next, start + 59min);
}

TEST_F(OutboxSenderTest, AllTogetherHaveALimitAndDestinationsTakeTurns) {
  const std::vector<std::string> destinations{"a", "b", "c", "d", "e"};
  for (const std::string& destination : destinations) {
    courier_.hold(destination);
    for (int i = 0; i < 10; ++i) put(destination);
  }
  OutboxSenderOptions options;
  options.at_once = 6;
  const auto running = sender(options);
  running->run();
  courier_.wait_for("a", 4);
  courier_.wait_for("b", 2);
  EXPECT_EQ(courier_.carried("c"), 0U);
  courier_.let_go("a");
  courier_.wait_for("c", 1);
  for (const std::string& destination : destinations) courier_.let_go(destination);
  for (const std::string& destination : destinations) courier_.wait_for(destination, 10);
  EXPECT_LE(courier_.most_at_once(), 6U);
}

TEST_F(OutboxSenderTest, WhoDoesNotAnswerIsAskedByOneOnly) {
  courier_.answer.outcome = Attempt::Outcome::failed;
  courier_.answer.silent = true;
  put("away.example.com");
  const auto sending = sender();
  ASSERT_TRUE(sending->send_due().ok());
  for (int i = 0; i < 10; ++i) put("away.example.com");
  ASSERT_TRUE(sending->send_due().ok());
  EXPECT_EQ(courier_.carried("away.example.com"), 11U);
  EXPECT_EQ(courier_.most_at_once("away.example.com"), 1U);
}

TEST_F(OutboxSenderTest, WhatWasBeingSentWhenItStoppedIsSentByTheNext) {
  courier_.hold("slow.example.com");
  courier_.answer.outcome = Attempt::Outcome::failed;
  const std::string id = put("slow.example.com");
  {
    const auto stopped = sender();
    stopped->run();
    courier_.wait_for("slow.example.com", 1);
  }
  EXPECT_EQ(left(), 1U);
  courier_.let_go("slow.example.com");
  courier_.answer.outcome = Attempt::Outcome::done;
  ASSERT_TRUE(sender()->send_due().ok());
  EXPECT_EQ(left(), 0U);
  ASSERT_EQ(courier_.carried("slow.example.com"), 2U);
  EXPECT_EQ(courier_.all()[1].id, id);
  EXPECT_EQ(courier_.all()[1].attempts, 0U);
}

TEST_F(OutboxSenderTest, WhatIsPutAnewWhileItIsSentIsSentAgain) {
  courier_.hold("a.example.com");
  const std::string id = put("a.example.com");
  const auto running = sender();
  running->run();
  courier_.wait_for("a.example.com", 1);
  put_again(id, "a.example.com");
  courier_.let_go("a.example.com");
  courier_.wait_for("a.example.com", 2);
  EXPECT_EQ(courier_.all()[0].revision, 1U);
  EXPECT_EQ(courier_.all()[1].revision, 2U);
}

TEST_F(OutboxSenderTest, PausesDoubleToAnHour) {
  courier_.answer.outcome = Attempt::Outcome::failed;
  put("a.example.com");
  const auto sending = sender();
  std::chrono::milliseconds expected = 1s;
  for (int i = 0; i < 39; ++i) {
    const auto next = sending->send_due();
    ASSERT_TRUE(next.ok() && next->has_value());
    EXPECT_EQ(**next - clock_.now(), expected) << i;
    clock_.advance(**next - clock_.now());
    expected = std::min<std::chrono::milliseconds>(expected * 2, 1h);
  }
  EXPECT_EQ(sending->send_due().value(), std::nullopt) << "it ends";
  EXPECT_EQ(courier_.carried("a.example.com"), 40U);
}

TEST_F(OutboxSenderTest, PausesAreShortenedAtRandom) {
  courier_.answer.outcome = Attempt::Outcome::failed;
  put("a.example.com");
  OutboxSender sending({stores_->metadata(), clock_, Log::none(), {{OutboxKind::status, &courier_}}});
  const auto next = sending.send_due();
  ASSERT_TRUE(next.ok() && next->has_value());
  EXPECT_GE(**next - clock_.now(), 500ms);
  EXPECT_LE(**next - clock_.now(), 1s);
}

}  // namespace
}  // namespace slipway
