// A meta page that could not be written: LMDB gives up for good, the store does not.
//
// The test's own pwrite and fdatasync stand before the C library's, for LMDB too.
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/lmdb/harness.hpp"
#include "tests/storage/random_seed.hpp"

namespace {

/// How many of the next writes to a meta page fail, and whether the first of them reaches the page
/// cache all the same.
std::atomic<int> failing_meta_writes{0};
std::atomic<bool> written_all_the_same{false};
std::atomic<int> failing_flushes{0};
std::atomic<int> faults_met{0};

bool takes_one(std::atomic<int>& left) {
  int count = left.load();
  while (count > 0 && !left.compare_exchange_weak(count, count - 1)) {
  }
  if (count > 0) ++faults_met;
  return count > 0;
}

ssize_t faulty_pwrite(int file, const void* bytes, size_t size, off_t offset) {
  constexpr off_t meta_pages = 2 * 4096;
  const bool fails = offset < meta_pages && takes_one(failing_meta_writes);
  ssize_t done = -1;
  if (!fails || written_all_the_same.exchange(false)) done = ::syscall(SYS_pwrite64, file, bytes, size, offset);
  if (!fails) return done;
  errno = EIO;
  return -1;
}

}  // namespace

extern "C" {
[[gnu::visibility("default")]] ssize_t pwrite(int file, const void* bytes, size_t size,
                                              off_t offset) {
  return faulty_pwrite(file, bytes, size, offset);
}
[[gnu::visibility("default")]] ssize_t pwrite64(int file, const void* bytes, size_t size,
                                                off_t offset) {
  return faulty_pwrite(file, bytes, size, offset);
}
[[gnu::visibility("default")]] int fdatasync(int file) {
  if (takes_one(failing_flushes)) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fdatasync, file));
}
}

namespace slipway::test {

namespace {

class LmdbRecovery : public testing::Test {
 protected:
  LmdbRecovery() { EXPECT_TRUE(succeeded(write(*store_, "before", "1"))); }
  ~LmdbRecovery() override {
    failing_meta_writes = 0;
    failing_flushes = 0;
    written_all_the_same = false;
  }

  /// What another process would find.
  std::optional<std::string> on_disk(std::string_view key) {
    store_.reset();
    store_ = open_lmdb(folder_);
    return read(*store_, key);
  }

  const TemporaryFolder folder_;
  std::unique_ptr<MetadataStore> store_ = open_lmdb(folder_);
};

TEST_F(LmdbRecovery, AMetaPageThatIsNotWrittenFailsThatWriteOnly) {
  for (int round = 0; round < 3; ++round) {
    failing_meta_writes = 1;  // LMDB's writing back of the old one succeeds
    const int before = faults_met;
    ASSERT_TRUE(failed(write(*store_, "lost", "2"), ErrorCode::io));
    ASSERT_EQ(faults_met, before + 1) << "the fault was not met";
    EXPECT_EQ(read(*store_, "before"), "1");
    EXPECT_EQ(read(*store_, "lost"), std::nullopt);
    ASSERT_TRUE(succeeded(write(*store_, "after", std::to_string(round))));
  }
  EXPECT_EQ(on_disk("after"), "2");
  EXPECT_EQ(read(*store_, "lost"), std::nullopt);
  EXPECT_EQ(read(*store_, "before"), "1");
}

TEST_F(LmdbRecovery, OneThatIsThereAllTheSameWasAcknowledgedRightly) {
  written_all_the_same = true;
  failing_meta_writes = 2;  // and the old one cannot be put back
  ASSERT_TRUE(succeeded(write(*store_, "there", "2")));
  EXPECT_EQ(failing_meta_writes, 0) << "the fault was not met";
  EXPECT_EQ(read(*store_, "there"), "2");
  EXPECT_EQ(on_disk("there"), "2");
}

TEST_F(LmdbRecovery, ASnapshotThatIsOpenHoldsItBackAndStaysWhatItWas) {
  auto view = store_->snapshot();
  ASSERT_TRUE(succeeded(view));
  failing_meta_writes = 1;
  EXPECT_TRUE(failed(write(*store_, "lost", "2"), ErrorCode::io));
  EXPECT_TRUE(failed(write(*store_, "lost", "2"), ErrorCode::unavailable));
  EXPECT_TRUE(failed(store_->snapshot(), ErrorCode::unavailable));
  EXPECT_EQ((*view)->get("before").value(), "1");
  view->reset();
  EXPECT_EQ(read(*store_, "before"), "1") << "a reader opens it anew, too";
  ASSERT_TRUE(succeeded(write(*store_, "after", "3")));
  EXPECT_EQ(on_disk("after"), "3");
}

TEST_F(LmdbRecovery, ItIsRefusedUntilWhatIsInThePageCacheCanBeFlushed) {
  failing_meta_writes = 1;
  failing_flushes = 0;
  auto view = store_->snapshot();
  EXPECT_TRUE(failed(write(*store_, "lost", "2"), ErrorCode::io));
  view->reset();
  failing_flushes = 2;
  EXPECT_TRUE(failed(write(*store_, "lost", "2"), ErrorCode::io));
  EXPECT_TRUE(failed(store_->snapshot(), ErrorCode::io));
  EXPECT_EQ(failing_flushes, 0) << "the fault was not met";
  EXPECT_EQ(read(*store_, "before"), "1");
  EXPECT_EQ(read(*store_, "lost"), std::nullopt);
}

TEST_F(LmdbRecovery, AFlushThatFailsFailsThatWriteOnly) {
  failing_flushes = 1;
  EXPECT_TRUE(failed(write(*store_, "lost", "2"), ErrorCode::io));
  EXPECT_EQ(read(*store_, "lost"), std::nullopt);
  ASSERT_TRUE(succeeded(write(*store_, "after", "3")));
  EXPECT_EQ(on_disk("after"), "3");
}

TEST_F(LmdbRecovery, UnderLoadNothingThatWasAcknowledgedIsLost) {
  std::mt19937_64 random(random_seed());
  constexpr int writers = 8;
  constexpr int writes = 60;
  std::array<std::vector<std::string>, writers> kept;
  std::atomic<int> running{writers};
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < writers; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < writes; ++i) {
          const std::string key = std::to_string(thread) + "/" + std::to_string(i);
          if (write(*store_, key, std::string(3000, 'x')))
            kept[static_cast<std::size_t>(thread)].push_back(key);
          auto view = store_->snapshot();
          if (view) {
            EXPECT_EQ((*view)->get("before").value(), "1");
          }
        }
        --running;
      });
    }
    while (running > 0) {
      written_all_the_same = random() % 2 == 0;
      (random() % 2 == 0 ? failing_meta_writes : failing_flushes) = 1 + static_cast<int>(random() % 2);
      for (auto pause = random() % 2000; pause > 0; --pause) std::this_thread::yield();
    }
  }
  failing_meta_writes = 0;
  failing_flushes = 0;
  const auto check = [&] {
    for (const auto& keys : kept)
      for (const std::string& key : keys) ASSERT_EQ(read(*store_, key), std::string(3000, 'x')) << key;
  };
  check();
  EXPECT_EQ(on_disk("before"), "1");
  check();
}

}  // namespace

}  // namespace slipway::test
