// A disk that refuses: a meta page that could not be written (LMDB gives up for good, the store does
// not), a page, an append to the journal, a checkpoint, a flush. Readers are not in it.
#include <array>
#include <atomic>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/lmdb/faulty_disk.hpp"
#include "tests/lmdb/harness.hpp"
#include "tests/storage/random_seed.hpp"

namespace slipway::test {

namespace {

namespace fs = std::filesystem;

constexpr int for_ever = DiskFaults::for_ever;

class LmdbRecovery : public testing::Test {
 protected:
  LmdbRecovery() { EXPECT_TRUE(succeeded(write(*store_, "before", "1"))); }
  ~LmdbRecovery() override { faults.heal(); }

  /// What another process would find if this one were killed now.
  std::unique_ptr<MetadataStore> after_a_kill() {
    killed_.emplace();
    for (const char* name : {"data.mdb", "journal"})
      fs::copy_file(folder_.path() / name, killed_->path() / name);
    return open_lmdb(*killed_, {.has_journal = true});
  }
  std::optional<std::string> on_disk(std::string_view key) { return read(*after_a_kill(), key); }

  /// Writes until `met` says so; answers what was acknowledged.
  template <class Met>
  std::map<std::string, std::string> write_until(const Met& met) {
    std::map<std::string, std::string> all;
    for (int i = 0; !met(); ++i) {
      const std::string key = "until/" + std::to_string(i);
      const std::string value(20'000, static_cast<char>('a' + i % 26));
      if (write(*store_, key, value)) all[key] = value;
      if (i == 10'000) {
        ADD_FAILURE() << "there was no checkpoint";
        break;
      }
    }
    return all;
  }
  static void expect_all(MetadataStore& store, const std::map<std::string, std::string>& all) {
    for (const auto& [key, value] : all) ASSERT_EQ(read(store, key), value) << key;
  }

  /// Writers fail while the disk refuses, and go on after; what they were refused never comes back.
  void expect_readers_go_on(std::atomic<int>& refused) {
    refused = for_ever;
    for (int round = 0; round < 3; ++round) {
      EXPECT_TRUE(failed(write(*store_, "lost", "2"), ErrorCode::io));
      EXPECT_EQ(read(*store_, "before"), "1");
      EXPECT_EQ(read(*store_, "lost"), std::nullopt);
    }
    faults.heal();
    ASSERT_TRUE(succeeded(write(*store_, "after", "3")));
    EXPECT_EQ(on_disk("after"), "3");
    EXPECT_EQ(on_disk("lost"), std::nullopt);
  }

  const TemporaryFolder folder_;
  std::optional<TemporaryFolder> killed_;
  std::unique_ptr<MetadataStore> store_ = open_lmdb(folder_);
};

TEST_F(LmdbRecovery, AMetaPageThatIsNotWrittenFailsThatWriteOnly) {
  for (int round = 0; round < 3; ++round) {
    faults.metas = 1;  // LMDB's writing back of the old one succeeds
    const int before = faults.met;
    ASSERT_TRUE(failed(write(*store_, "lost", "2"), ErrorCode::io));
    ASSERT_EQ(faults.met, before + 1) << "the fault was not met";
    EXPECT_EQ(read(*store_, "before"), "1");
    EXPECT_EQ(read(*store_, "lost"), std::nullopt);
    EXPECT_EQ(on_disk("lost"), std::nullopt);
    ASSERT_TRUE(succeeded(write(*store_, "after", std::to_string(round))));
  }
  EXPECT_EQ(on_disk("after"), "2");
  EXPECT_EQ(on_disk("lost"), std::nullopt);
  EXPECT_EQ(on_disk("before"), "1");
}

TEST_F(LmdbRecovery, OneThatIsThereAllTheSameWasAcknowledgedRightly) {
  faults.done_all_the_same = true;
  faults.metas = 2;  // and the old one cannot be put back
  ASSERT_TRUE(succeeded(write(*store_, "there", "2")));
  EXPECT_EQ(faults.metas, 0) << "the fault was not met";
  EXPECT_EQ(read(*store_, "there"), "2");
  EXPECT_EQ(on_disk("there"), "2");
}

TEST_F(LmdbRecovery, ASnapshotThatIsOpenHoldsItBackAndStaysWhatItWas) {
  auto view = store_->snapshot();
  ASSERT_TRUE(succeeded(view));
  faults.metas = 1;
  EXPECT_TRUE(failed(write(*store_, "lost", "2"), ErrorCode::io));
  EXPECT_TRUE(failed(write(*store_, "lost", "2"), ErrorCode::unavailable));
  EXPECT_TRUE(failed(store_->snapshot(), ErrorCode::unavailable));
  EXPECT_EQ((*view)->get("before").value(), "1");
  EXPECT_EQ((*view)->get("lost").value(), std::nullopt);
  view->reset();
  EXPECT_EQ(read(*store_, "before"), "1") << "a reader opens it anew, too";
  EXPECT_EQ(read(*store_, "lost"), std::nullopt);
  ASSERT_TRUE(succeeded(write(*store_, "after", "3")));
  EXPECT_EQ(on_disk("after"), "3");
  EXPECT_EQ(on_disk("lost"), std::nullopt);
}

TEST_F(LmdbRecovery, WhileNoMetaPageCanBeWrittenReadingGoesOn) {
  expect_readers_go_on(faults.metas);
}

/// LMDB writes over no page of the last checkpoint also when it was opened anew since.
TEST_F(LmdbRecovery, AfterAMetaPageThatWasNotWrittenACrashFindsTheCheckpoint) {
  for (int i = 0; i < 500; ++i)
    ASSERT_TRUE(succeeded(write(*store_, "row/" + std::to_string(i), std::string(200, 'r'))));
  store_.reset();
  store_ = open_lmdb(folder_);  // the journal begins here
  faults.metas = 1;
  EXPECT_TRUE(failed(write(*store_, "lost", "2"), ErrorCode::io));
  for (int i = 0; i < 500; ++i)
    ASSERT_TRUE(succeeded(write(*store_, "row/" + std::to_string(i), std::string(200, 's'))));
  const auto killed = after_a_kill();
  for (int i = 0; i < 500; ++i)
    ASSERT_EQ(read(*killed, "row/" + std::to_string(i)), std::string(200, 's')) << i;
}

TEST_F(LmdbRecovery, APageThatIsNotWrittenFailsThatWriteOnly) {
  const auto view = store_->snapshot();  // which nothing waits for
  for (int round = 0; round < 3; ++round) {
    faults.pages = for_ever;
    const int before = faults.met;
    EXPECT_TRUE(failed(write(*store_, "lost", std::string(10'000, 'x')), ErrorCode::io));
    EXPECT_GT(faults.met, before) << "the fault was not met";
    EXPECT_EQ(read(*store_, "before"), "1");
    EXPECT_EQ(read(*store_, "lost"), std::nullopt);
    faults.heal();
    EXPECT_EQ(on_disk("lost"), std::nullopt) << "the journal forgot it";
    ASSERT_TRUE(succeeded(write(*store_, "after", std::to_string(round))));
    EXPECT_EQ(on_disk("after"), std::to_string(round));
    EXPECT_EQ(on_disk("lost"), std::nullopt);
  }
}

TEST_F(LmdbRecovery, AnAppendThatFailsFailsThatWriteOnly) {
  const auto view = store_->snapshot();  // which nothing waits for
  for (const bool reaches_the_cache : {false, true}) {
    faults.appends = 1;
    faults.done_all_the_same = reaches_the_cache;
    const auto refused = write(*store_, "lost", "2");
    ASSERT_TRUE(failed(refused, ErrorCode::io));
    EXPECT_NE(refused.error().message.find("/journal"), std::string::npos) << refused.error().message;
    EXPECT_NE(refused.error().message.find("the disk refuses it"), std::string::npos);
    EXPECT_EQ(faults.appends, 0) << "the fault was not met";
    EXPECT_EQ(read(*store_, "lost"), std::nullopt);
    EXPECT_EQ(on_disk("lost"), std::nullopt);
    ASSERT_TRUE(succeeded(write(*store_, "after", "3")));
    EXPECT_EQ(on_disk("after"), "3");
    EXPECT_EQ(on_disk("lost"), std::nullopt);
    EXPECT_EQ(on_disk("before"), "1");
  }
}

TEST_F(LmdbRecovery, WhileTheJournalCannotBeWrittenReadingGoesOn) {
  const auto view = store_->snapshot();
  expect_readers_go_on(faults.appends);
}

TEST_F(LmdbRecovery, ACheckpointThatIsNotNotedDownIsMadeUpFor) {
  const auto view = store_->snapshot();  // which nothing waits for
  for (const bool reaches_the_cache : {false, true}) {
    faults.slots = 1;
    faults.done_all_the_same = reaches_the_cache;
    auto all = write_until([] { return faults.slots == 0; });
    faults.slots = for_ever;
    for (int round = 0; round < 3; ++round) {
      EXPECT_TRUE(failed(write(*store_, "lost", "2"), ErrorCode::io));
      expect_all(*store_, all);
    }
    faults.heal();
    expect_all(*after_a_kill(), all);
    EXPECT_EQ(on_disk("lost"), std::nullopt);
    ASSERT_TRUE(succeeded(write(*store_, "after", "3")));
    all["after"] = "3";
    expect_all(*store_, all);
    expect_all(*after_a_kill(), all);
  }
}

/// Nothing was appended since the last checkpoint, the next one reached the journal and its writer was
/// told that it did not, and then LMDB's file could not be flushed.
TEST_F(LmdbRecovery, ACheckpointThatNobodyKnowsOfTakesNothingAlong) {
  store_.reset();
  store_ = open_lmdb(folder_);
  faults.metas = 1;
  EXPECT_TRUE(failed(write(*store_, "lost", "2"), ErrorCode::io));
  faults.slots = 1;
  faults.done_all_the_same = true;
  EXPECT_TRUE(failed(write(*store_, "lost", "2"), ErrorCode::io));
  faults.flushes = 1;
  EXPECT_TRUE(failed(write(*store_, "lost", "2"), ErrorCode::io));
  EXPECT_EQ(faults.metas + faults.slots + faults.flushes, 0) << "a fault was not met";
  ASSERT_TRUE(succeeded(write(*store_, "after", "3")));
  EXPECT_EQ(on_disk("after"), "3");
  EXPECT_EQ(on_disk("before"), "1");
  EXPECT_EQ(on_disk("lost"), std::nullopt);
}

TEST_F(LmdbRecovery, ACheckpointThatIsNotFlushedIsMadeUpFor) {
  faults.flushes = 1;
  auto all = write_until([] { return faults.flushes == 0; });
  expect_all(*store_, all);
  expect_all(*after_a_kill(), all);
  ASSERT_TRUE(succeeded(write(*store_, "after", "3")));
  all["after"] = "3";
  expect_all(*store_, all);
  expect_all(*after_a_kill(), all);
}

TEST_F(LmdbRecovery, WhileNothingCanBeFlushedReadingGoesOn) {
  for (std::atomic<int>* other : {&faults.flushes, &faults.appends, &faults.slots}) {
    faults.flushes = 1;
    auto all = write_until([] { return faults.flushes == 0; });
    *other = for_ever;
    // The flush is one of a thread of its own: whoever writes after it notices.
    for (int i = 0; write(*store_, "noticed", std::to_string(i)); ++i) {
      all["noticed"] = std::to_string(i);
      ASSERT_LT(i, 1'000'000) << "nobody noticed";
    }
    for (int round = 0; round < 3; ++round) {
      EXPECT_TRUE(failed(write(*store_, "lost", "2"), ErrorCode::io));
      expect_all(*store_, all);
      EXPECT_EQ(read(*store_, "lost"), std::nullopt);
    }
    faults.heal();
    expect_all(*after_a_kill(), all);
    ASSERT_TRUE(succeeded(write(*store_, "after", "3")));
    all["after"] = "3";
    expect_all(*store_, all);
    expect_all(*after_a_kill(), all);
    EXPECT_EQ(on_disk("lost"), std::nullopt);
  }
}

/// What is made again from the journal lies over no page of the checkpoint, however much it is.
TEST_F(LmdbRecovery, AnOpeningThatIsInterruptedBeginsAgain) {
  std::map<std::string, std::string> all{{"before", "1"}};
  const auto keep = [&](const std::string& key, std::string value) {
    ASSERT_TRUE(succeeded(write(*store_, key, value)));
    all[key] = std::move(value);
  };
  for (int i = 0; i < 1000; ++i) keep("row/" + std::to_string(i), std::string(200, 'r'));
  const fs::path journal = folder_.path() / "journal";
  for (int i = 0; fs::file_size(journal) < (std::uintmax_t{32} << 20U); ++i)
    keep("large/" + std::to_string(i % 4), std::string(1'000'000, static_cast<char>('a' + i % 26)));
  store_.reset();  // the journal begins anew
  store_ = open_lmdb(folder_);
  for (int i = 0; i < 27; ++i) {
    keep("large/" + std::to_string(i % 4), std::string(1'000'000, static_cast<char>('A' + i % 26)));
    for (int row = i; row < 1000; row += 27) keep("row/" + std::to_string(row), std::string(200, 's'));
  }
  killed_.emplace();
  for (const char* name : {"data.mdb", "journal"})
    fs::copy_file(folder_.path() / name, killed_->path() / name);
  for (int round = 0; round < 2; ++round) {
    faults.flushes = 1;  // all was made again by then
    EXPECT_FALSE(open_lmdb_metadata_store(killed_->path(), {.has_journal = true}).ok());
    EXPECT_EQ(faults.flushes, 0) << "the fault was not met";
  }
  const auto opened = open_lmdb(*killed_, {.has_journal = true});
  expect_all(*opened, all);
}

TEST_F(LmdbRecovery, OpeningWhatWasClosedInOrderChangesNothing) {
  store_.reset();
  const std::string data = read_file(folder_.path() / "data.mdb");
  const std::string journal = read_file(folder_.path() / "journal");
  EXPECT_NE(data.find("before"), std::string::npos) << "closing made a checkpoint";
  store_ = open_lmdb(folder_, {.has_journal = true});
  EXPECT_EQ(read(*store_, "before"), "1");
  store_.reset();
  EXPECT_TRUE(read_file(folder_.path() / "data.mdb") == data);
  EXPECT_TRUE(read_file(folder_.path() / "journal") == journal);
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
      faults.done_all_the_same = random() % 2 == 0;
      const std::array all{&faults.metas, &faults.pages, &faults.slots, &faults.appends,
                           &faults.flushes};
      *all[random() % all.size()] = 1 + static_cast<int>(random() % 2);
      for (auto pause = random() % 2000; pause > 0; --pause) std::this_thread::yield();
    }
  }
  faults.heal();
  const auto check = [&](MetadataStore& store) {
    EXPECT_EQ(read(store, "before"), "1");
    for (const auto& keys : kept)
      for (const std::string& key : keys) ASSERT_EQ(read(store, key), std::string(3000, 'x')) << key;
  };
  check(*store_);
  check(*after_a_kill());
}

}  // namespace

}  // namespace slipway::test
