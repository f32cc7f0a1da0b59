// The contract of MetadataStore as tests: every implementation instantiates them.
//
//   INSTANTIATE_TEST_SUITE_P(Memory, MetadataStoreContract, testing::Values(make_something));
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <slipway/storage/metadata_store.hpp>

#include "tests/storage/random_seed.hpp"
#include "tests/storage/store_testing.hpp"

namespace slipway::test {

/// A store and what it stands on.
class MetadataStoreHarness {
 public:
  virtual ~MetadataStoreHarness() = default;
  virtual MetadataStore& store() = 0;
};
using MakeMetadataStore = std::unique_ptr<MetadataStoreHarness> (*)();

class MetadataStoreContract : public testing::TestWithParam<MakeMetadataStore> {
 protected:
  MetadataStore& store() { return harness_->store(); }

  void write_all(const std::vector<std::string>& keys) {
    ASSERT_TRUE(succeeded(store().write([&](WriteTransaction& transaction) -> Result<void> {
      for (const std::string& key : keys) SLIPWAY_CHECK(transaction.put(key, "value of " + key));
      return {};
    })));
  }

 private:
  const std::unique_ptr<MetadataStoreHarness> harness_ = GetParam()();
};

TEST_P(MetadataStoreContract, AnEmptyStoreHasNothing) {
  EXPECT_EQ(read(store(), "a"), std::nullopt);
  const auto view = store().snapshot();
  ASSERT_TRUE(succeeded(view));
  const auto cursor = (*view)->cursor();
  ASSERT_TRUE(succeeded(cursor));
  EXPECT_FALSE((*cursor)->seek("").value());
  EXPECT_FALSE((*cursor)->seek_before("\xff").value());
  EXPECT_FALSE((*cursor)->next().value());
  EXPECT_FALSE((*cursor)->previous().value());
}

TEST_P(MetadataStoreContract, PutReplacesAndEraseTellsWhetherItWasThere) {
  ASSERT_TRUE(succeeded(write(store(), "a", "1")));
  ASSERT_TRUE(succeeded(write(store(), "a", "2")));
  EXPECT_EQ(read(store(), "a"), "2");
  bool first = false;
  bool second = true;
  ASSERT_TRUE(succeeded(store().write([&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_TRY(first, transaction.erase("a"));
    SLIPWAY_TRY(second, transaction.erase("a"));
    return {};
  })));
  EXPECT_TRUE(first);
  EXPECT_FALSE(second);
  EXPECT_EQ(read(store(), "a"), std::nullopt);
}

TEST_P(MetadataStoreContract, KeysAreInTheOrderOfTheirBytes) {
  const std::vector<std::string> ordered = {std::string("\0", 1),
                                            std::string("\0\0", 2),
                                            "A",
                                            "a",
                                            std::string("a\0", 2),
                                            std::string("a\0b", 3),
                                            "a/",
                                            "aa",
                                            "b",
                                            "\x7f",
                                            "\x80",
                                            "\xff",
                                            "\xff\xff"};
  std::vector<std::string> shuffled = ordered;
  std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937_64(random_seed()));
  write_all(shuffled);

  const auto view = store().snapshot();
  ASSERT_TRUE(succeeded(view));
  EXPECT_EQ(all_keys(**view), ordered);

  std::vector<std::string> backwards;
  const auto cursor = (*view)->cursor();
  for (auto more = (*cursor)->seek_before("\xff\xff\xff"); more && *more;
       more = (*cursor)->previous()) {
    backwards.emplace_back((*cursor)->key());
    EXPECT_EQ((*cursor)->value(), "value of " + backwards.back());
  }
  EXPECT_EQ(backwards, std::vector<std::string>(ordered.rbegin(), ordered.rend()));
}

TEST_P(MetadataStoreContract, KeysHave1To511Bytes) {
  const std::string longest(511, 'k');
  const std::string too_long(512, 'k');
  EXPECT_TRUE(succeeded(write(store(), longest, "x")));
  EXPECT_EQ(read(store(), longest), "x");
  for (const std::string& key : {std::string(), too_long}) {
    EXPECT_TRUE(failed(write(store(), key, "x"), ErrorCode::invalid_argument));
    EXPECT_TRUE(failed(store().write([&](WriteTransaction& transaction) -> Result<void> {
      SLIPWAY_CHECK(transaction.erase(key));
      return {};
    }),
                       ErrorCode::invalid_argument));
    const auto view = store().snapshot();
    EXPECT_TRUE(failed((*view)->get(key), ErrorCode::invalid_argument));
  }
}

TEST_P(MetadataStoreContract, ValuesHaveUpTo4MiB) {
  std::string largest(4194304, 'v');
  largest.back() = 'z';
  EXPECT_TRUE(succeeded(write(store(), "largest", largest)));
  EXPECT_TRUE(read(store(), "largest") == largest);
  EXPECT_TRUE(succeeded(write(store(), "smallest", "")));
  EXPECT_EQ(read(store(), "smallest"), "");
  EXPECT_TRUE(failed(write(store(), "over", largest + "v"), ErrorCode::too_large));
  EXPECT_EQ(read(store(), "over"), std::nullopt);
}

TEST_P(MetadataStoreContract, ARefusedArgumentDoesNotSpoilTheTransaction) {
  ASSERT_TRUE(succeeded(store().write([&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_CHECK(transaction.put("before", "1"));
    EXPECT_TRUE(failed(transaction.put("", "x"), ErrorCode::invalid_argument));
    EXPECT_TRUE(failed(transaction.put("x", std::string(4194305, 'x')), ErrorCode::too_large));
    return transaction.put("after", "2");
  })));
  const auto view = store().snapshot();
  EXPECT_EQ(all_keys(**view), (std::vector<std::string>{"after", "before"}));
}

TEST_P(MetadataStoreContract, GetManyAnswersInTheOrderAsked) {
  write_all({"a", "b", "c"});
  const auto view = store().snapshot();
  const std::array<std::string_view, 4> keys = {"c", "missing", "a", "c"};
  std::array<std::optional<std::string_view>, 4> values;
  ASSERT_TRUE(succeeded((*view)->get_many(keys, values)));
  EXPECT_EQ(values[0], "value of c");
  EXPECT_EQ(values[1], std::nullopt);
  EXPECT_EQ(values[2], "value of a");
  EXPECT_EQ(values[3], "value of c");
}

TEST_P(MetadataStoreContract, CursorsStandWhereTheyWereSent) {
  write_all({"b", "d", "f"});
  const auto view = store().snapshot();
  const auto made = (*view)->cursor();
  Cursor& cursor = **made;
  EXPECT_TRUE(cursor.seek("d").value());
  EXPECT_EQ(cursor.key(), "d");
  EXPECT_TRUE(cursor.seek("c").value());
  EXPECT_EQ(cursor.key(), "d");
  EXPECT_TRUE(cursor.seek_before("d").value());
  EXPECT_EQ(cursor.key(), "b");
  EXPECT_TRUE(cursor.seek_before("e").value());
  EXPECT_EQ(cursor.key(), "d");
  EXPECT_TRUE(cursor.seek_before("z").value());
  EXPECT_EQ(cursor.key(), "f");
  EXPECT_TRUE(cursor.previous().value());
  EXPECT_EQ(cursor.key(), "d");
  EXPECT_TRUE(cursor.next().value());
  EXPECT_EQ(cursor.key(), "f");
  EXPECT_EQ(cursor.value(), "value of f");
  EXPECT_FALSE(cursor.seek_before("b").value());
  EXPECT_FALSE(cursor.seek_before("").value());
  EXPECT_TRUE(cursor.seek(std::string(600, 'a')).value());
  EXPECT_EQ(cursor.key(), "b");
  EXPECT_TRUE(cursor.seek_before(std::string(600, 'e')).value());
  EXPECT_EQ(cursor.key(), "d");
}

TEST_P(MetadataStoreContract, ACursorThatRanOutStandsNowhereUntilItSeeks) {
  write_all({"b", "d"});
  const auto view = store().snapshot();
  const auto made = (*view)->cursor();
  Cursor& cursor = **made;
  EXPECT_FALSE(cursor.next().value());
  EXPECT_TRUE(cursor.seek("d").value());
  EXPECT_FALSE(cursor.next().value());
  EXPECT_FALSE(cursor.next().value());
  EXPECT_FALSE(cursor.previous().value());
  EXPECT_FALSE(cursor.seek("e").value());
  EXPECT_FALSE(cursor.previous().value());
  EXPECT_TRUE(cursor.seek("b").value());
  EXPECT_FALSE(cursor.previous().value());
  EXPECT_FALSE(cursor.next().value());
}

TEST_P(MetadataStoreContract, ACursorInATransactionSeesItsWrites) {
  write_all({"b", "d", "f", "h"});
  ASSERT_TRUE(succeeded(store().write([&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_TRY(const auto cursor, transaction.cursor());
    EXPECT_TRUE(cursor->seek("b").value());
    SLIPWAY_CHECK(transaction.put("c", "new"));
    EXPECT_TRUE(cursor->next().value());
    EXPECT_EQ(cursor->key(), "c");
    EXPECT_EQ(cursor->value(), "new");

    SLIPWAY_CHECK(transaction.erase("c"));  // the one that it stands on
    EXPECT_TRUE(cursor->next().value());
    EXPECT_EQ(cursor->key(), "d");
    SLIPWAY_CHECK(transaction.erase("d"));
    EXPECT_TRUE(cursor->previous().value());
    EXPECT_EQ(cursor->key(), "b");

    EXPECT_TRUE(cursor->seek("h").value());
    SLIPWAY_CHECK(transaction.erase("h"));
    SLIPWAY_CHECK(transaction.put("g", "new"));
    EXPECT_TRUE(cursor->previous().value());
    EXPECT_EQ(cursor->key(), "g");
    EXPECT_TRUE(cursor->previous().value());
    EXPECT_EQ(cursor->key(), "f");
    SLIPWAY_CHECK(transaction.put("f", "replaced"));
    EXPECT_TRUE(cursor->next().value());
    EXPECT_EQ(cursor->key(), "g");
    SLIPWAY_CHECK(transaction.erase("g"));
    EXPECT_FALSE(cursor->next().value());
    return {};
  })));
}

TEST_P(MetadataStoreContract, EverythingCanBeErasedWhileWalking) {
  std::vector<std::string> keys;
  for (int i = 0; i < 3000; ++i) keys.push_back("key " + std::to_string(i));
  write_all(keys);
  ASSERT_TRUE(succeeded(store().write([&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_TRY(const auto cursor, transaction.cursor());
    std::size_t erased = 0;
    for (auto more = cursor->seek(""); more && *more; more = cursor->next()) {
      SLIPWAY_CHECK(transaction.erase(std::string(cursor->key())));
      ++erased;
    }
    EXPECT_EQ(erased, keys.size());
    return {};
  })));
  EXPECT_TRUE(all_keys(**store().snapshot()).empty());
}

TEST_P(MetadataStoreContract, ASnapshotDoesNotChange) {
  write_all({"a", "b"});
  const auto before = store().snapshot();
  const std::optional<std::string_view> kept = (*before)->get("a").value();
  const auto cursor = (*before)->cursor();
  ASSERT_TRUE((*cursor)->seek("a").value());
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(succeeded(store().write([&](WriteTransaction& transaction) -> Result<void> {
      SLIPWAY_CHECK(transaction.put("a", std::string(5000, 'x')));
      SLIPWAY_CHECK(transaction.put("a" + std::to_string(i), "new"));
      SLIPWAY_CHECK(transaction.erase("b"));
      return {};
    })));
  }
  EXPECT_EQ(kept, "value of a");
  EXPECT_EQ(read(**before, "b"), "value of b");
  ASSERT_TRUE((*cursor)->next().value());
  EXPECT_EQ((*cursor)->key(), "b");
  EXPECT_EQ(read(store(), "b"), std::nullopt);
  EXPECT_EQ(read(store(), "a"), std::string(5000, 'x'));
}

TEST_P(MetadataStoreContract, ATransactionReadsItsOwnWrites) {
  write_all({"a"});
  ASSERT_TRUE(succeeded(store().write([&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_CHECK(transaction.put("a", "changed"));
    SLIPWAY_CHECK(transaction.put("b", "new"));
    EXPECT_EQ(read(transaction, "a"), "changed");
    EXPECT_EQ(read(transaction, "b"), "new");
    EXPECT_EQ(read(store(), "b"), std::nullopt);
    SLIPWAY_CHECK(transaction.erase("a"));
    EXPECT_EQ(read(transaction, "a"), std::nullopt);
    return {};
  })));
  EXPECT_EQ(all_keys(**store().snapshot()), std::vector<std::string>{"b"});
}

TEST_P(MetadataStoreContract, NothingOfAClosureThatFailedIsKept) {
  const Result<void> refused = store().write([](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_CHECK(transaction.put("a", "1"));
    return Error(ErrorCode::denied, "not you");
  });
  ASSERT_TRUE(failed(refused, ErrorCode::denied));
  EXPECT_EQ(refused.error().message, "not you");
  EXPECT_EQ(read(store(), "a"), std::nullopt);
}

TEST_P(MetadataStoreContract, AClosureThatThrowsIsAnError) {
  const Result<void> threw = store().write([](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_CHECK(transaction.put("a", "1"));
    throw std::runtime_error("out of cheese");
  });
  ASSERT_TRUE(failed(threw, ErrorCode::internal));
  EXPECT_NE(threw.error().message.find("out of cheese"), std::string::npos);
  EXPECT_TRUE(failed(store().write([](WriteTransaction&) -> Result<void> { throw 1; }),
                     ErrorCode::internal));
  EXPECT_EQ(read(store(), "a"), std::nullopt);
  EXPECT_TRUE(succeeded(write(store(), "b", "2")));
}

TEST_P(MetadataStoreContract, GoodClosuresAreNotHurtByBadOnesBesideThem) {
  constexpr int threads = 16;
  constexpr int rounds = 40;
  std::atomic<int> wrong{0};
  std::vector<std::jthread> writers;
  for (int thread = 0; thread < threads; ++thread) {
    writers.emplace_back([&, thread] {
      for (int round = 0; round < rounds; ++round) {
        const auto result = store().write([&](WriteTransaction& transaction) -> Result<void> {
          if (thread % 4 == 1) return Error(ErrorCode::not_found, "before it wrote");
          SLIPWAY_TRY(const auto count, transaction.get("count"));
          const int next = (count ? std::stoi(std::string(*count)) : 0) + 1;
          SLIPWAY_CHECK(transaction.put("count", std::to_string(next)));
          if (thread % 4 == 2) return Error(ErrorCode::conflict, "after it wrote");
          if (thread % 4 == 3) throw std::runtime_error("after it wrote");
          return {};
        });
        constexpr std::array expected = {"ok", "not_found", "conflict", "internal"};
        const std::string_view actual = result ? "ok" : to_string(result.error().code);
        if (actual != expected[static_cast<std::size_t>(thread % 4)]) ++wrong;
      }
    });
  }
  writers.clear();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(read(store(), "count"), std::to_string(threads / 4 * rounds));
}

TEST_P(MetadataStoreContract, WriteThenTellsEachOnceWhatBecameOfIt) {
  constexpr int threads = 8;
  constexpr int each = 100;
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, int> told;  // guarded by mutex
  int refused = 0;                  // guarded by mutex
  bool seen = true;                 // guarded by mutex
  {
    std::vector<std::jthread> writers;
    for (int thread = 0; thread < threads; ++thread)
      writers.emplace_back([&, thread] {
        for (int i = 0; i < each; ++i) {
          const std::string key = std::to_string(thread) + " " + std::to_string(i);
          const bool fails = i % 10 == 9;
          const auto closure = [key, fails](WriteTransaction& transaction) -> Result<void> {
            SLIPWAY_CHECK(transaction.put(key, "value"));
            return fails ? Result<void>(Error(ErrorCode::denied, "not this one")) : Result<void>();
          };
          store().write_then(closure, [&, key, fails](const Result<void>& result) {
            const bool there = read(store(), key) == "value";
            const std::lock_guard lock(mutex);
            ++told[key];
            if (!result && result.error().code == ErrorCode::denied) ++refused;
            seen = seen && result.ok() != fails && there != fails;
            changed.notify_all();
          });
          if (i % 7 != 0) continue;
          EXPECT_TRUE(succeeded(write(store(), "beside " + key, "value")));
        }
      });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return told.size() == threads * each; });
  for (const auto& [key, times] : told) EXPECT_EQ(times, 1) << key;
  EXPECT_EQ(refused, threads * each / 10);
  EXPECT_TRUE(seen);
}

TEST_P(MetadataStoreContract, SubscribersAreToldOfTheirTopicAfterTheCommit) {
  Calls told;
  Calls others;
  std::optional<std::string> seen;
  const auto subscription = store().subscribe("topic", [&] {
    seen = read(store(), "a");
    told.count();
  });
  const auto other = store().subscribe("other", [&] { others.count(); });
  ASSERT_TRUE(succeeded(store().write([](WriteTransaction& transaction) -> Result<void> {
    transaction.notify("topic");
    transaction.notify("topic");
    return transaction.put("a", "1");
  })));
  told.wait_for(1);
  EXPECT_EQ(seen, "1");

  EXPECT_TRUE(failed(store().write([](WriteTransaction& transaction) -> Result<void> {
    transaction.notify("topic");
    return Error(ErrorCode::conflict, "no");
  }),
                     ErrorCode::conflict));
  ASSERT_TRUE(succeeded(store().write([](WriteTransaction& transaction) -> Result<void> {
    transaction.notify("other");  // told after "topic", had that been told
    return transaction.put("a", "2");
  })));
  others.wait_for(1);
  EXPECT_EQ(told.now(), 1);
}

TEST_P(MetadataStoreContract, ASubscriptionMayEndWithinItsCallback) {
  Calls told;
  std::unique_ptr<Subscription> own;
  std::mutex mutex;
  {
    const std::lock_guard lock(mutex);
    own = store().subscribe("topic", [&] {
      const std::lock_guard inner(mutex);
      own.reset();
      told.count();
    });
  }
  Calls fence;
  const auto later = store().subscribe("topic", [&] { fence.count(); });
  const auto notify = [](WriteTransaction& transaction) -> Result<void> {
    transaction.notify("topic");
    return {};
  };
  ASSERT_TRUE(succeeded(store().write(notify)));
  told.wait_for(1);
  fence.wait_for(1);
  ASSERT_TRUE(succeeded(store().write(notify)));
  fence.wait_for(2);
  EXPECT_EQ(told.now(), 1);
}

TEST_P(MetadataStoreContract, AnEndedSubscriptionIsNotCalled) {
  std::atomic<bool> ended{false};
  std::atomic<int> late{0};
  Calls fence;
  const auto notify = [](WriteTransaction& transaction) -> Result<void> {
    transaction.notify("topic");
    return {};
  };
  for (int round = 0; round < 200; ++round) {
    ended = false;
    auto subscription = store().subscribe("topic", [&] {
      if (ended) ++late;
    });
    ASSERT_TRUE(succeeded(store().write(notify)));
    subscription.reset();  // waits for a callback that runs
    ended = true;
    const auto last = store().subscribe("topic", [&] { fence.count(); });
    ASSERT_TRUE(succeeded(store().write(notify)));
    fence.wait_for(round + 1);
  }
  EXPECT_EQ(late, 0);
}

TEST_P(MetadataStoreContract, AWriterMayHoldALockThatACallbackTakes) {
  std::mutex mutex;
  Calls told;
  const auto subscription = store().subscribe("topic", [&] {
    const std::lock_guard lock(mutex);
    told.count();
  });
  {
    const std::lock_guard lock(mutex);
    ASSERT_TRUE(succeeded(store().write([](WriteTransaction& transaction) -> Result<void> {
      transaction.notify("topic");
      return transaction.put("a", "1");
    })));
  }
  told.wait_for(1);
}

TEST_P(MetadataStoreContract, ASubscriptionMayOutliveItsStore) {
  auto harness = GetParam()();
  const auto subscription = harness->store().subscribe("topic", [] {});
  harness.reset();
}

TEST_P(MetadataStoreContract, SixteenThreadsOfRandomOperationsAgreeWithAModel) {
  const std::uint64_t seed = random_seed();
  constexpr int threads = 16;
  constexpr int operations = 100;
  std::array<std::map<std::string, std::string>, threads> models;
  std::atomic<bool> differs{false};

  const auto work = [&](int thread) {
    std::mt19937_64 random(seed + static_cast<std::uint64_t>(thread));
    auto& model = models[static_cast<std::size_t>(thread)];
    const std::string prefix = std::to_string(100 + thread) + "/";
    const auto check = [&](const ReadView& view,
                           const std::map<std::string, std::string>& expected) {
      const auto cursor = view.cursor();
      auto row = expected.begin();
      auto more = (*cursor)->seek(prefix);
      for (; more && *more && (*cursor)->key().starts_with(prefix); more = (*cursor)->next(), ++row)
        if (row == expected.end() || (*cursor)->key() != row->first ||
            (*cursor)->value() != row->second)
          return false;
      return more.ok() && row == expected.end();
    };
    for (int i = 0; i < operations && !differs; ++i) {
      auto changed = model;
      const std::uint64_t what = random() % 10;
      const std::uint64_t inner_seed = random();
      const Result<void> result = store().write([&](WriteTransaction& transaction) -> Result<void> {
        changed = model;  // it may run more than once
        std::mt19937_64 inner(inner_seed);
        for (std::uint64_t n = inner() % 5; n > 0; --n) {
          const std::string key =
              prefix + std::string(1 + inner() % 40, 'k') + std::to_string(inner() % 20);
          if (inner() % 3 == 0) {
            SLIPWAY_TRY(const bool was, transaction.erase(key));
            if (was != (changed.erase(key) == 1)) differs = true;
          } else {
            const std::string value(inner() % (inner() % 8 == 0 ? 20000 : 200), 'v');
            SLIPWAY_CHECK(transaction.put(key, value));
            changed[key] = value;
          }
        }
        if (!check(transaction, changed)) differs = true;
        if (what == 0) return Error(ErrorCode::conflict, "at random");
        if (what == 1) throw std::runtime_error("at random");
        return {};
      });
      if (result.ok() != (what > 1)) differs = true;
      if (result) model = std::move(changed);
      const auto view = store().snapshot();
      if (!view || !check(**view, model)) differs = true;
    }
  };
  {
    std::vector<std::jthread> workers;
    for (int thread = 0; thread < threads; ++thread) workers.emplace_back(work, thread);
  }
  EXPECT_FALSE(differs);

  std::vector<std::string> expected;
  for (const auto& model : models)
    for (const auto& [key, value] : model) expected.push_back(key);
  EXPECT_EQ(all_keys(**store().snapshot()), expected);
}

TEST_P(MetadataStoreContract, ReadersSeeAllOfATransactionOrNothing) {
  std::atomic<bool> done{false};
  std::atomic<int> torn{0};
  ASSERT_TRUE(succeeded(store().write([](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_CHECK(transaction.put("left", "0"));
    return transaction.put("right", "0");
  })));
  std::vector<std::jthread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        const auto view = store().snapshot();
        if (!view || read(**view, "left") != read(**view, "right")) ++torn;
      }
    });
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(succeeded(store().write([&](WriteTransaction& transaction) -> Result<void> {
      SLIPWAY_CHECK(transaction.put("left", std::to_string(i)));
      return transaction.put("right", std::to_string(i));
    })));
  }
  done = true;
  readers.clear();
  EXPECT_EQ(torn, 0);
}

}  // namespace slipway::test
