#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <slipway/build/delivery_store.hpp>
#include <slipway/build/trigger.hpp>
#include <slipway/storage/memory_metadata_store.hpp>
#include <slipway/support/ulid.hpp>

namespace slipway {
namespace {

class DeliveryStoreTest : public ::testing::Test {
 protected:
  std::string new_trigger() {
    TriggerRequest request(*RepositoryName::parse("app/web"));
    request.git_url = "https://git.example.com/pager.git";
    return triggers_.create(request)->id;
  }

  Delivery delivery_at(Timestamp when, const std::string& trigger, std::uint64_t size) {
    Delivery delivery;
    delivery.received = when;
    delivery.id = make_ulid(when);
    delivery.trigger = trigger;
    delivery.body_size = size;
    delivery.result.status = 200;
    delivery.result.ignored = "ping";
    return delivery;
  }

  /// The ids that are kept, newest first.
  static std::vector<std::string> ids(const DeliveryStore& store, const std::string& trigger) {
    const auto page = store.list(trigger, "", 1000);
    EXPECT_TRUE(page.ok());
    std::vector<std::string> ids;
    for (const Delivery& delivery : page->deliveries) ids.push_back(delivery.id);
    return ids;
  }

  std::string keep(DeliveryStore& store, const std::string& trigger, std::size_t size = 10) {
    clock_.advance(std::chrono::milliseconds(1));
    const Delivery delivery = delivery_at(clock_.now(), trigger, size);
    EXPECT_TRUE(store.keep(delivery, std::string(size, 'x')).ok());
    return delivery.id;
  }

  std::unique_ptr<MetadataStore> metadata_ = make_memory_metadata_store();
  ManualClock clock_{*parse_rfc3339("2026-11-24T09:05:03.007Z")};
  TriggerStore triggers_{*metadata_, clock_};
};

TEST_F(DeliveryStoreTest, WhatIsKeptComesBackWhole) {
  DeliveryStore store(*metadata_);
  const std::string trigger = new_trigger();
  std::string body;
  for (int i = 0; body.size() < (std::size_t{5} << 20U) + 17; ++i) body += std::to_string(i) + '\0';
  Delivery delivery = delivery_at(clock_.now(), trigger, body.size());
  delivery.delivery = "72d3162e";
  delivery.event = "push";
  delivery.fields = {{"content-type", "application/json"}, {"x-github-event", "push"}};
  delivery.took = std::chrono::milliseconds(3);
  delivery.replay_of = "01JDCZ0M4Y7W3Q6S8N2V5X9K1B";
  delivery.result = {202, {"01JDCZ0M4Y7W3Q6S8N2V5X9K1C"}, "", DeliveryError{"io", "no"}};
  ASSERT_TRUE(store.keep(delivery, body).ok());
  EXPECT_EQ(*store.find(trigger, delivery.id), delivery);
  EXPECT_EQ(*store.body(trigger, delivery.id), body);
  EXPECT_EQ(store.find(trigger, "nonsense").error().code, ErrorCode::not_found);
  EXPECT_EQ(store.find(new_trigger(), delivery.id).error().code, ErrorCode::not_found);
}

TEST_F(DeliveryStoreTest, TheOldestGoWhenThereAreTooMany) {
  DeliveryStore store(*metadata_, {.most = 3});
  const std::string trigger = new_trigger();
  const std::string other = new_trigger();
  const std::string others = keep(store, other);
  std::vector<std::string> made;
  for (int i = 0; i < 5; ++i) made.push_back(keep(store, trigger));
  EXPECT_EQ(ids(store, trigger), (std::vector<std::string>{made[4], made[3], made[2]}));
  EXPECT_EQ(ids(store, other), std::vector<std::string>{others});
}

TEST_F(DeliveryStoreTest, TheirBodiesAreBoundedButTheNewestStays) {
  DeliveryStore store(*metadata_, {.most_bytes = 100});
  const std::string trigger = new_trigger();
  const std::string first = keep(store, trigger, 60);
  const std::string second = keep(store, trigger, 40);
  EXPECT_EQ(ids(store, trigger), (std::vector<std::string>{second, first}));
  const std::string third = keep(store, trigger, 1);
  EXPECT_EQ(ids(store, trigger), (std::vector<std::string>{third, second}));
  const std::string large = keep(store, trigger, 5000);
  EXPECT_EQ(ids(store, trigger), std::vector<std::string>{large});
  EXPECT_EQ(store.body(trigger, large)->size(), 5000U);
}

TEST_F(DeliveryStoreTest, OldOnesAreRemovedWhetherOthersComeOrNot) {
  DeliveryStore store(*metadata_, {.kept = std::chrono::hours(1)});
  const std::string busy = new_trigger();
  const std::string idle = new_trigger();
  keep(store, busy);
  keep(store, idle);
  clock_.advance(std::chrono::minutes(40));
  const std::string young = keep(store, idle);
  clock_.advance(std::chrono::minutes(30));
  const std::string newest = keep(store, busy);
  EXPECT_EQ(ids(store, busy), std::vector<std::string>{newest});
  EXPECT_EQ(ids(store, idle).size(), 2U);
  EXPECT_EQ(*store.remove_old(clock_.now(), 100), 1U);
  EXPECT_EQ(ids(store, idle), std::vector<std::string>{young});
  EXPECT_EQ(*store.remove_old(clock_.now(), 100), 0U);
}

TEST_F(DeliveryStoreTest, NothingIsKeptOfATriggerThatIsGone) {
  DeliveryStore store(*metadata_);
  const std::string trigger = new_trigger();
  ASSERT_TRUE(triggers_.remove(*RepositoryName::parse("app/web"), trigger).ok());
  keep(store, trigger);
  EXPECT_TRUE(ids(store, trigger).empty());
}

}  // namespace
}  // namespace slipway
