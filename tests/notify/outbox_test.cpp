#include "notify/outbox.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <slipway/storage/memory_metadata_store.hpp>
#include <slipway/support/ulid.hpp>

namespace slipway {
namespace {

using namespace std::chrono_literals;

const Timestamp start = *parse_rfc3339("2026-11-24T09:00:00Z");
const std::string first = "01JDCZ0M4Y7W3Q6S8N2V5X9K1B";
const std::string second = "01JDCZ0M4Y7W3Q6S8N2V5X9K1C";
const std::string third = "01JDCZ0M4Y7W3Q6S8N2V5X9K1D";

class OutboxTest : public ::testing::Test {
 protected:
  void put(const std::string& id, const std::string& destination, Timestamp due) {
    EXPECT_TRUE(write([&](WriteTransaction& transaction) {
      return outbox::put(transaction, OutboxKind::status, id, destination, due);
    }));
  }
  bool write(const std::function<Result<void>(WriteTransaction&)>& change) {
    return store_->write(change).ok();
  }
  std::vector<std::string> waiting(const std::string& destination, std::size_t limit = 100) {
    std::vector<std::string> ids;
    const auto view = store_->snapshot().value();
    const auto items = outbox::waiting(*view, destination, limit);
    EXPECT_TRUE(items.ok());
    for (const OutboxItem& item : *items) ids.push_back(item.id);
    return ids;
  }
  std::vector<std::string> destinations() {
    const auto view = store_->snapshot().value();
    return outbox::destinations(*view).value();
  }
  OutboxItem item(const std::string& id) {
    const auto view = store_->snapshot().value();
    return outbox::find(*view, id).value().value();
  }

  std::unique_ptr<MetadataStore> store_ = make_memory_metadata_store();
};

using Ids = std::vector<std::string>;

TEST_F(OutboxTest, EachDestinationHasItsOwnInTheOrderTheyAreDue) {
  put(first, "b.example.com", start + 2s);
  put(second, "b.example.com", start + 1s);
  put(third, "a.example.com:8443", start + 9s);
  EXPECT_EQ(destinations(), (Ids{"a.example.com:8443", "b.example.com"}));
  EXPECT_EQ(waiting("b.example.com"), (Ids{second, first}));
  EXPECT_EQ(waiting("b.example.com", 1), (Ids{second}));
  EXPECT_EQ(waiting("a.example.com:8443"), (Ids{third}));
  EXPECT_EQ(waiting("a.example.com"), Ids{});
}

TEST_F(OutboxTest, ANameThatBeginsAnotherIsAnother) {
  put(first, "a", start);
  put(second, "ab", start);
  put(third, "", start);
  EXPECT_EQ(destinations(), (Ids{"", "a", "ab"}));
  EXPECT_EQ(waiting("a"), (Ids{first}));
  EXPECT_EQ(waiting(""), (Ids{third}));
}

TEST_F(OutboxTest, WhatIsPutAgainReplacesWhatWaits) {
  put(first, "a.example.com", start);
  ASSERT_TRUE(write([&](WriteTransaction& transaction) {
    return outbox::postpone(transaction, item(first), start + 5s);
  }));
  EXPECT_EQ(item(first).attempts, 1U);
  put(first, "b.example.com", start + 1s);
  EXPECT_EQ(destinations(), (Ids{"b.example.com"}));
  EXPECT_EQ(item(first), (OutboxItem{OutboxKind::status, first, "b.example.com", 2, 0, start + 1s}));
}

TEST_F(OutboxTest, WhatChangedMeanwhileIsNeitherSettledNorPostponed) {
  put(first, "a.example.com", start);
  const OutboxItem taken = item(first);
  put(first, "a.example.com", start + 1s);
  ASSERT_TRUE(write([&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_CHECK(outbox::postpone(transaction, taken, start + 1h));
    return outbox::settle(transaction, taken);
  }));
  EXPECT_EQ(item(first).due, start + 1s);
  ASSERT_TRUE(write([&](WriteTransaction& transaction) {
    return outbox::settle(transaction, item(first));
  }));
  EXPECT_EQ(destinations(), Ids{});
  EXPECT_TRUE(write([&](WriteTransaction& transaction) {
    return outbox::withdraw(transaction, first);
  })) << "it is gone already";
}

TEST_F(OutboxTest, ManyRowsForOneDoNotHideAnother) {
  ASSERT_TRUE(write([&](WriteTransaction& transaction) -> Result<void> {
    for (int i = 0; i < 20'000; ++i)
      SLIPWAY_CHECK(outbox::put(transaction, OutboxKind::status, make_ulid(start), "m", start));
    return {};
  }));
  put(first, "z", start);
  EXPECT_EQ(destinations(), (Ids{"m", "z"}));
  EXPECT_EQ(waiting("m", 3).size(), 3U);
}

TEST(OutboxDestination, IsHostAndPort) {
  EXPECT_EQ(outbox::destination_of("https://CI.example.com/hooks?x"), "ci.example.com");
  EXPECT_EQ(outbox::destination_of("http://ci.example.com:8080"), "ci.example.com:8080");
  EXPECT_EQ(outbox::destination_of("https://[2606:4700::1]:443/x"), "[2606:4700::1]:443");
  EXPECT_EQ(outbox::destination_of("git@example.com:a/b"), "");
}

}  // namespace
}  // namespace slipway
