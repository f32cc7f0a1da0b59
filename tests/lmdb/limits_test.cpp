// A full map, a full disk, too many snapshots: the store says so and goes on.
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "tests/lmdb/harness.hpp"
#include "tests/storage/file_size_limit.hpp"

namespace slipway::test {

namespace {

/// A map of 4 MiB that is filled with rows of one size, some pages of them a write.
class FullMap : public testing::TestWithParam<std::size_t> {
 protected:
  [[nodiscard]] static std::size_t rows_at_once() {
    return std::clamp<std::size_t>(20000 / (50 + GetParam()), 1, 16);
  }
  [[nodiscard]] static std::string key(std::size_t write, std::size_t row) {
    return std::to_string(row) + " of write " + std::to_string(write);
  }

  /// Writes until the store refuses, and answers how many writes it took.
  std::size_t fill(Result<void>& refusal) {
    for (std::size_t write = 0;; ++write) {
      refusal = store_->write([&](WriteTransaction& transaction) -> Result<void> {
        for (std::size_t row = 0; row < rows_at_once(); ++row)
          SLIPWAY_CHECK(transaction.put(key(write, row), value_));
        return {};
      });
      if (!refusal) return write;
    }
  }

  Result<void> erase(std::size_t write) {
    return store_->write([&](WriteTransaction& transaction) -> Result<void> {
      for (std::size_t row = 0; row < rows_at_once(); ++row)
        SLIPWAY_CHECK(transaction.erase(key(write, row)));
      return {};
    });
  }

  const TemporaryFolder folder_ = TemporaryFolder::in_memory();
  const std::unique_ptr<MetadataStore> store_ =
      open_lmdb(folder_, {.map_size = std::uint64_t{4} << 20U});
  const std::string value_ = std::string(GetParam(), 'v');
};

TEST_P(FullMap, IsToldAndEverythingBeforeStays) {
  Result<void> refusal;
  const std::size_t writes = fill(refusal);
  ASSERT_TRUE(failed(refusal, ErrorCode::quota_exceeded));
  EXPECT_NE(refusal.error().message.find("map_size"), std::string::npos) << refusal.error().message;
  ASSERT_GT(writes * rows_at_once() * (GetParam() + 20), 1000000U);
  for (std::size_t write = 0; write < writes; ++write)
    for (std::size_t row = 0; row < rows_at_once(); ++row)
      ASSERT_EQ(read(*store_, key(write, row)), value_);
  EXPECT_EQ(read(*store_, key(writes, 0)), std::nullopt);
}

TEST_P(FullMap, CanBeEmptiedAndFilledAgain) {
  Result<void> refusal;
  const std::size_t writes = fill(refusal);
  for (int round = 0; round < 3; ++round) {
    for (std::size_t write = 0; write < writes; ++write) ASSERT_TRUE(succeeded(erase(write)));
    ASSERT_TRUE(all_keys(**store_->snapshot()).empty());
    ASSERT_GT(fill(refusal), writes * 3 / 4) << "round " << round;
    ASSERT_TRUE(failed(refusal, ErrorCode::quota_exceeded));
  }
}

TEST_P(FullMap, TakesWritesThatDoNotMakeItLarger) {
  Result<void> refusal;
  ASSERT_GT(fill(refusal), 1U);
  for (int round = 0; round < 30; ++round) {
    ASSERT_TRUE(succeeded(store_->write([&](WriteTransaction& transaction) -> Result<void> {
      return transaction.put(key(0, 0),
                             std::string(GetParam(), static_cast<char>('a' + round % 26)));
    })));
  }
  EXPECT_EQ(read(*store_, key(0, 0)), std::string(GetParam(), 'd'));  // 'a' + 29 % 26
}

INSTANTIATE_TEST_SUITE_P(Sizes, FullMap, testing::Values(1, 100, 1990, 5000, 60000),
                         testing::PrintToStringParamName());

TEST(LmdbLimits, AWriteThatIgnoresTheRefusalFailsAllTheSame) {
  const TemporaryFolder folder;
  const auto store = open_lmdb(folder, {.map_size = std::uint64_t{1} << 20U});
  const Result<void> result = store->write([](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_CHECK(transaction.put("small", "1"));
    (void)transaction.put("large", std::string(2000000, 'x'));
    return {};
  });
  EXPECT_TRUE(failed(result, ErrorCode::quota_exceeded));
  EXPECT_EQ(read(*store, "small"), std::nullopt);
}

TEST(LmdbLimits, AWriteThatDoesNotFitDoesNotHurtItsNeighbours) {
  const TemporaryFolder folder;
  const auto store = open_lmdb(folder, {.map_size = std::uint64_t{4} << 20U});
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> writers;
    for (int thread = 0; thread < 8; ++thread) {
      writers.emplace_back([&, thread] {
        for (int i = 0; i < 50; ++i) {
          const bool too_large = thread < 2;
          const auto result = write(*store, std::to_string(thread) + "/" + std::to_string(i),
                                    std::string(too_large ? 4194304 : 100, 'x'));
          if (result.ok() == too_large) ++wrong;
          if (too_large && result.error().code != ErrorCode::quota_exceeded) ++wrong;
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(all_keys(**store->snapshot()).size(), 6U * 50U);
}

TEST(LmdbLimits, AFullDiskIsToldAndTheStoreGoesOnWhenThereIsRoomAgain) {
  const TemporaryFolder folder;
  const auto store = open_lmdb(folder);
  ASSERT_TRUE(succeeded(write(*store, "before", "1")));
  for (int round = 0; round < 3; ++round) {
    {
      const FileSizeLimit limit(std::filesystem::file_size(folder.path() / "data.mdb"));
      EXPECT_TRUE(
          failed(write(*store, "much", std::string(1000000, 'x')), ErrorCode::quota_exceeded));
      EXPECT_EQ(read(*store, "before"), "1");
      EXPECT_EQ(read(*store, "much"), std::nullopt);
    }
    ASSERT_TRUE(succeeded(write(*store, "after " + std::to_string(round), "2")));
  }
  EXPECT_EQ(all_keys(**store->snapshot()),
            (std::vector<std::string>{"after 0", "after 1", "after 2", "before"}));
}

TEST(LmdbLimits, MoreSnapshotsThanAllowedAreRefusedUntilOneEnds) {
  const TemporaryFolder folder;
  const auto store = open_lmdb(folder, {.max_readers = 5});
  std::vector<std::unique_ptr<ReadView>> views;
  for (int i = 0; i < 5; ++i) {
    auto view = store->snapshot();
    ASSERT_TRUE(succeeded(view));
    views.push_back(std::move(*view));
  }
  ASSERT_TRUE(failed(store->snapshot(), ErrorCode::unavailable));
  views.pop_back();
  // Another thread finds the slot too, on whichever shelf it lies.
  for (int i = 0; i < 20; ++i)
    std::jthread([&] { EXPECT_TRUE(succeeded(store->snapshot())); }).join();
}

}  // namespace

}  // namespace slipway::test
