// The contract of ObjectStore as tests: every implementation instantiates them.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <slipway/storage/object_store.hpp>

#include "tests/storage/object_testing.hpp"
#include "tests/storage/store_testing.hpp"

namespace slipway::test {

/// A store and what it stands on.
class ObjectStoreHarness {
 public:
  virtual ~ObjectStoreHarness() = default;
  virtual ObjectStore& store() = 0;
};
using MakeObjectStore = std::unique_ptr<ObjectStoreHarness> (*)();

class ObjectStoreContract : public testing::TestWithParam<MakeObjectStore> {
 protected:
  ObjectStore& store() { return harness_->store(); }

 private:
  const std::unique_ptr<ObjectStoreHarness> harness_ = GetParam()();
};

TEST_P(ObjectStoreContract, AStageGrowsAndBecomesAnObject) {
  auto begun = store().begin_stage("upload-1");
  ASSERT_TRUE(succeeded(begun));
  Stage& stage = **begun;
  EXPECT_EQ(stage.size(), 0U);
  ASSERT_TRUE(succeeded(stage.append(bytes_of("hello, "))));
  ASSERT_TRUE(succeeded(stage.append({})));
  ASSERT_TRUE(succeeded(stage.append(bytes_of("world"))));
  EXPECT_EQ(stage.size(), 12U);
  EXPECT_EQ(content_of(stage), "hello, world");
  EXPECT_TRUE(failed(store().open("sha256-ab"), ErrorCode::not_found));

  ASSERT_TRUE(succeeded(stage.publish("sha256-ab")));
  const auto object = store().open("sha256-ab");
  ASSERT_TRUE(succeeded(object));
  EXPECT_EQ((*object)->size(), 12U);
  EXPECT_EQ(content_of(**object), "hello, world");
  EXPECT_TRUE(all_stages(store()).empty());
  EXPECT_TRUE(failed(store().open_stage("upload-1"), ErrorCode::not_found));
}

TEST_P(ObjectStoreContract, ReadsEndWhereTheBytesEnd) {
  ASSERT_TRUE(succeeded(staged(store(), "s", "0123456789")->publish("k")));
  const auto object = store().open("k");
  ASSERT_TRUE(succeeded(object));
  std::string out(6, '.');
  const auto room = std::as_writable_bytes(std::span(out));
  EXPECT_EQ((*object)->read_at(2, room).value(), 6U);
  EXPECT_EQ(out, "234567");
  EXPECT_EQ((*object)->read_at(8, room).value(), 2U);
  EXPECT_EQ(out.substr(0, 2), "89");
  EXPECT_EQ((*object)->read_at(10, room).value(), 0U);
  EXPECT_EQ((*object)->read_at(std::uint64_t{1} << 40U, room).value(), 0U);
  EXPECT_EQ((*object)->read_at(0, {}).value(), 0U);
  if (const int descriptor = (*object)->file_descriptor(); descriptor >= 0) {
    EXPECT_EQ(pread(descriptor, out.data(), out.size(), 4), 6);
    EXPECT_EQ(out, "456789");
  }
}

TEST_P(ObjectStoreContract, AStageIsFoundAgainByItsName) {
  staged(store(), "upload", "first ").reset();
  {
    const auto again = store().open_stage("upload");
    ASSERT_TRUE(succeeded(again));
    EXPECT_EQ((*again)->size(), 6U);
    ASSERT_TRUE(succeeded((*again)->append(bytes_of("second"))));
  }
  const auto again = store().open_stage("upload");
  ASSERT_TRUE(succeeded(again));
  EXPECT_EQ(content_of(**again), "first second");
  EXPECT_TRUE(failed(store().begin_stage("upload"), ErrorCode::already_exists));
  EXPECT_TRUE(failed(store().open_stage("other"), ErrorCode::not_found));
}

TEST_P(ObjectStoreContract, ADiscardedStageIsGone) {
  const auto stage = staged(store(), "upload", "bytes");
  ASSERT_TRUE(succeeded(stage->discard()));
  EXPECT_TRUE(all_stages(store()).empty());
  EXPECT_TRUE(failed(store().open_stage("upload"), ErrorCode::not_found));
  EXPECT_TRUE(succeeded(store().begin_stage("upload")));
}

/// A key stands for its bytes: another ones' were damaged.
TEST_P(ObjectStoreContract, WhatIsPublishedLastStays) {
  ASSERT_TRUE(succeeded(staged(store(), "one", "damaged")->publish("key")));
  const auto open = store().open("key");
  ASSERT_TRUE(succeeded(open));
  ASSERT_TRUE(succeeded(staged(store(), "two", "sound")->publish("key")));
  EXPECT_EQ(content_of(store(), "key"), "sound");
  EXPECT_EQ(content_of(**open), "damaged") << "who has opened an object keeps what it opened";
  EXPECT_TRUE(all_stages(store()).empty());
  EXPECT_THAT(all_objects(store()), testing::ElementsAre("key"));
}

TEST_P(ObjectStoreContract, WhatIsSetAsideIsKeptApart) {
  ASSERT_TRUE(succeeded(staged(store(), "one", "bytes")->publish("key")));
  ASSERT_TRUE(succeeded(store().set_aside("key", "key.1")));
  ASSERT_TRUE(succeeded(store().set_aside(bytes_of("others"), "value.1")));
  EXPECT_TRUE(failed(store().set_aside("key", "key.1"), ErrorCode::already_exists));
  EXPECT_TRUE(failed(store().set_aside(bytes_of("x"), "key.1"), ErrorCode::already_exists));
  EXPECT_TRUE(failed(store().set_aside("missing", "missing.1"), ErrorCode::not_found));
  EXPECT_TRUE(failed(store().set_aside("key", "../key"), ErrorCode::invalid_argument));
  EXPECT_TRUE(failed(store().set_aside(bytes_of("x"), "a/b"), ErrorCode::invalid_argument));
  EXPECT_EQ(content_of(store(), "key"), "bytes") << "it stays";
  EXPECT_TRUE(store().remove("key").value());
  EXPECT_EQ(content_of(**store().open_aside("key.1")), "bytes");
  EXPECT_EQ(content_of(**store().open_aside("value.1")), "others");
  EXPECT_TRUE(failed(store().open_aside("missing"), ErrorCode::not_found));
  EXPECT_TRUE(all_objects(store()).empty());
  EXPECT_TRUE(all_stages(store()).empty());
}

TEST_P(ObjectStoreContract, ReadingOnceReadsTheSame) {
  std::string bytes(300000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7);
  ASSERT_TRUE(succeeded(staged(store(), "one", bytes)->publish("key")));
  const auto object = store().open("key");
  ASSERT_TRUE(succeeded(object));
  std::string all;
  std::string piece(65536, '\0');
  while (true) {
    const auto count = (*object)->read_once_at(all.size(), std::as_writable_bytes(std::span(piece)));
    ASSERT_TRUE(succeeded(count));
    if (*count == 0) break;
    all.append(piece, 0, *count);
  }
  EXPECT_TRUE(all == bytes);
}

TEST_P(ObjectStoreContract, AnOpenObjectOutlivesItsRemoval) {
  ASSERT_TRUE(succeeded(staged(store(), "one", "bytes")->publish("key")));
  const auto object = store().open("key");
  ASSERT_TRUE(succeeded(object));
  EXPECT_TRUE(store().remove("key").value());
  EXPECT_FALSE(store().remove("key").value());
  EXPECT_TRUE(failed(store().open("key"), ErrorCode::not_found));
  EXPECT_EQ(content_of(**object), "bytes");
  EXPECT_TRUE(all_objects(store()).empty());
  ASSERT_TRUE(succeeded(staged(store(), "two", "others")->publish("key")));
  EXPECT_EQ(content_of(store(), "key"), "others");
}

TEST_P(ObjectStoreContract, EmptyBytesAreAnObjectToo) {
  ASSERT_TRUE(succeeded(staged(store(), "one", "")->publish("empty")));
  const auto object = store().open("empty");
  ASSERT_TRUE(succeeded(object));
  EXPECT_EQ((*object)->size(), 0U);
}

TEST_P(ObjectStoreContract, KeysOfEveryLegalShapeAreKeptApart) {
  const std::vector<std::string> keys = {"a",      "aa",       "a-",    "a-.",
                                         "a-..",   "a-.b",     "-",     "_",
                                         "A",      "sha256-a", "x-a..", std::string(200, 'k'),
                                         "a-.._b", "a.b.c"};
  for (const std::string& key : keys)
    ASSERT_TRUE(succeeded(staged(store(), key, "of " + key)->publish(key)));
  for (const std::string& key : keys) EXPECT_EQ(content_of(store(), key), "of " + key);
  EXPECT_THAT(all_objects(store()), testing::UnorderedElementsAreArray(keys));
}

TEST_P(ObjectStoreContract, OtherNamesAreRefused) {
  const auto stage = staged(store(), "upload", "bytes");
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string(".hidden"),
        std::string("a/b"), std::string("../a"), std::string("a\0b", 3), std::string("ä"),
        std::string("a b"), std::string(201, 'a')}) {
    EXPECT_TRUE(failed(store().begin_stage(name), ErrorCode::invalid_argument)) << name;
    EXPECT_TRUE(failed(store().open_stage(name), ErrorCode::invalid_argument)) << name;
    EXPECT_TRUE(failed(store().open(name), ErrorCode::invalid_argument)) << name;
    EXPECT_TRUE(failed(store().remove(name), ErrorCode::invalid_argument)) << name;
    EXPECT_TRUE(failed(stage->publish(name), ErrorCode::invalid_argument)) << name;
  }
  EXPECT_TRUE(succeeded(stage->publish("good")));
}

TEST_P(ObjectStoreContract, ListingsTellAllAndStopWhenAsked) {
  for (const char* name : {"s1", "s2", "s3"}) staged(store(), name, "12345");
  for (const char* key : {"k1", "k2", "k3"})
    ASSERT_TRUE(succeeded(staged(store(), key, "x")->publish(key)));
  EXPECT_THAT(all_stages(store()), testing::UnorderedElementsAre("s1", "s2", "s3"));
  EXPECT_THAT(all_objects(store()), testing::UnorderedElementsAre("k1", "k2", "k3"));

  int stages = 0;
  ASSERT_TRUE(succeeded(store().for_each_stage([&](const ObjectStore::StageInfo& stage) {
    EXPECT_EQ(stage.size, 5U);
    EXPECT_GT(stage.modified, Timestamp(std::chrono::sys_days(std::chrono::January / 1 / 2020)));
    return ++stages < 2;
  })));
  EXPECT_EQ(stages, 2);
  int objects = 0;
  ASSERT_TRUE(succeeded(store().for_each([&](std::string_view) { return ++objects < 2; })));
  EXPECT_EQ(objects, 2);
}

TEST_P(ObjectStoreContract, AListingMayRemoveWhatItVisits) {
  for (int i = 0; i < 50; ++i) {
    const std::string key = "key-" + std::to_string(i);
    ASSERT_TRUE(succeeded(staged(store(), key, "x")->publish(key)));
  }
  ASSERT_TRUE(succeeded(store().for_each([&](std::string_view key) {
    EXPECT_TRUE(store().remove(std::string(key)).value());
    return true;
  })));
  EXPECT_TRUE(all_objects(store()).empty());
}

TEST_P(ObjectStoreContract, ManyThreadsMayPublishTheSameKey) {
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 8; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < 10; ++i) {
          const std::string key = "key-" + std::to_string(i);
          auto stage = store().begin_stage(std::to_string(thread) + "-" + std::to_string(i));
          if (!stage || !(*stage)->append(bytes_of(key)) || !(*stage)->publish(key)) ++wrong;
          const auto object = store().open(key);
          if (!object || (*object)->size() != key.size()) ++wrong;
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(all_objects(store()).size(), 10U);
  EXPECT_TRUE(all_stages(store()).empty());
}

}  // namespace slipway::test
