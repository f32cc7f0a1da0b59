// The journal's file: what is found in it after its process ended anywhere.
#include "lmdb/journal.hpp"

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "lmdb/changes.hpp"
#include "tests/lmdb/harness.hpp"
#include "tests/storage/random_seed.hpp"

namespace slipway::test {

namespace {

using lmdb::Checkpoint;
using lmdb::Journal;

// The file's layout, as journal.hpp tells it.
constexpr std::uint64_t slot_bytes = 262'144;
constexpr std::uint64_t records_begin = 524'288;
constexpr std::uint64_t record_head = 48;

class LmdbJournal : public testing::Test {
 protected:
  std::unique_ptr<Journal> open(bool required = true) {
    auto journal = Journal::open(path_, required);
    EXPECT_TRUE(succeeded(journal));
    return std::move(journal).value();
  }

  static void begin(Journal& journal, const std::string& meta_pages) {
    ASSERT_TRUE(succeeded(journal.grow(0)));
    ASSERT_TRUE(succeeded(journal.begin(Checkpoint{meta_pages.size(), meta_pages})));
  }

  static std::vector<std::string> records_of(Journal& journal) {
    std::vector<std::string> records;
    EXPECT_TRUE(succeeded(journal.replay([&](std::string_view changes) -> Result<void> {
      records.emplace_back(changes);
      return {};
    })));
    return records;
  }

  void flip_byte(std::uint64_t offset) {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const auto byte = static_cast<char>(file.get() ^ 1);
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(byte);
  }

  const TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_.path() / "journal";
};

using Records = std::vector<std::string>;

TEST_F(LmdbJournal, WhatWasAppendedIsFoundInItsOrder) {
  {
    const auto journal = open(false);
    EXPECT_EQ(journal->checkpoint(), nullptr);
    begin(*journal, "meta pages");
    for (const char* changes : {"one", "", "three"})
      ASSERT_TRUE(succeeded(journal->append(changes)));
  }
  const auto journal = open();
  ASSERT_NE(journal->checkpoint(), nullptr);
  EXPECT_EQ(journal->checkpoint()->meta_pages, "meta pages");
  EXPECT_EQ(journal->checkpoint()->used_bytes, 10U);
  EXPECT_EQ(records_of(*journal), (Records{"one", "", "three"}));
}

TEST_F(LmdbJournal, OneThatMustBeThereAndIsNotIsCorrupt) {
  EXPECT_TRUE(failed(Journal::open(path_, true), ErrorCode::corrupt));
  std::ofstream(path_) << std::string(records_begin, '\0');
  EXPECT_TRUE(failed(Journal::open(path_, true), ErrorCode::corrupt));
  EXPECT_TRUE(succeeded(Journal::open(path_, false)));
}

TEST_F(LmdbJournal, ARecordThatWasCutShortEndsThem) {
  std::mt19937_64 random(random_seed());
  {
    const auto journal = open(false);
    begin(*journal, "m");
    for (const char* changes : {"first", "second"}) ASSERT_TRUE(succeeded(journal->append(changes)));
  }
  const std::uint64_t second = records_begin + record_head + 5;
  flip_byte(second + random() % (record_head + 6));
  EXPECT_EQ(records_of(*open()), Records{"first"});
}

TEST_F(LmdbJournal, ASizeBeyondTheFileEndsThem) {
  {
    const auto journal = open(false);
    begin(*journal, "m");
    ASSERT_TRUE(succeeded(journal->append("first")));
  }
  for (std::uint64_t byte = 40; byte < 48; ++byte) {  // of the size
    flip_byte(records_begin + byte);
    EXPECT_EQ(records_of(*open()), Records{});
    flip_byte(records_begin + byte);
  }
  EXPECT_EQ(records_of(*open()), Records{"first"});
}

TEST_F(LmdbJournal, ANewGenerationForgetsTheOneBefore) {
  {
    const auto journal = open(false);
    begin(*journal, "old");
    for (const char* changes : {"same size 1", "same size 2", "same size 3"})
      ASSERT_TRUE(succeeded(journal->append(changes)));
    begin(*journal, "new");
  }
  {
    const auto journal = open();
    EXPECT_EQ(journal->checkpoint()->meta_pages, "new");
    EXPECT_EQ(records_of(*journal), Records{});
    begin(*journal, "newer");
    ASSERT_TRUE(succeeded(journal->append("same size 4")));
  }
  // Behind it lie whole records of the first generation still.
  EXPECT_EQ(records_of(*open()), Records{"same size 4"});
}

TEST_F(LmdbJournal, AGenerationThatWasNotBegunInFullLeavesTheOneBefore) {
  {
    const auto journal = open(false);
    begin(*journal, "first");
    begin(*journal, "second");
    ASSERT_TRUE(succeeded(journal->append("kept")));
  }
  std::filesystem::copy_file(path_, folder_.path() / "before");
  {
    const auto journal = open();
    ASSERT_EQ(records_of(*journal), Records{"kept"});
    begin(*journal, "third");
  }
  // The third lies where the first did: of its slot only some reached the disk.
  flip_byte(slot_bytes + 60);
  const auto journal = open();
  EXPECT_EQ(journal->checkpoint()->meta_pages, "second");
  EXPECT_EQ(records_of(*journal), Records{"kept"});
}

TEST_F(LmdbJournal, WhatWasTakenBackIsNotFound) {
  {
    const auto journal = open(false);
    begin(*journal, "m");
    for (const char* changes : {"kept", "taken back"}) ASSERT_TRUE(succeeded(journal->append(changes)));
    journal->take_back();
    ASSERT_TRUE(succeeded(journal->probe()));
    EXPECT_EQ(records_of(*open()), Records{"kept"});
    EXPECT_EQ(records_of(*journal), Records{"kept"});
    ASSERT_TRUE(succeeded(journal->append("next")));
    EXPECT_EQ(records_of(*journal), (Records{"kept", "next"})) << "those that were appended, again";
  }
  EXPECT_EQ(records_of(*open()), (Records{"kept", "next"}));
}

TEST_F(LmdbJournal, OpeningItChangesNothing) {
  {
    const auto journal = open(false);
    begin(*journal, "m");
    ASSERT_TRUE(succeeded(journal->append("kept")));
  }
  std::filesystem::copy_file(path_, folder_.path() / "before");
  EXPECT_EQ(records_of(*open()), Records{"kept"});
  EXPECT_TRUE(read_file(path_) == read_file(folder_.path() / "before"));
}

/// A full disk must not refuse them later.
TEST_F(LmdbJournal, AllItsBlocksAreThereOnceItHasBegun) {
  begin(*open(false), "m");
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_size, static_cast<off_t>(records_begin + Journal::first_bytes));
  EXPECT_GE(status.st_blocks * 512, status.st_size);
}

TEST_F(LmdbJournal, ItGrowsWhenItWasFilledAndForALargeRecord) {
  const auto journal = open(false);
  begin(*journal, "m");
  EXPECT_EQ(std::filesystem::file_size(path_), records_begin + Journal::first_bytes);
  EXPECT_FALSE(journal->is_nearly_full());
  ASSERT_TRUE(succeeded(journal->append(std::string(230'000, 'x'))));  // of 262,144
  EXPECT_TRUE(journal->is_nearly_full());
  EXPECT_TRUE(journal->has_room(262'144 - 230'000 - 2 * record_head));
  EXPECT_FALSE(journal->has_room(262'144 - 230'000 - 2 * record_head + 1));
  begin(*journal, "m");
  EXPECT_EQ(std::filesystem::file_size(path_), records_begin + 8 * Journal::first_bytes);
  begin(*journal, "m");
  EXPECT_EQ(std::filesystem::file_size(path_), records_begin + 8 * Journal::first_bytes);

  const std::string large(5'000'000, 'y');
  EXPECT_FALSE(journal->has_room(large.size()));
  ASSERT_TRUE(succeeded(journal->grow(large.size())));
  begin(*journal, "m");
  ASSERT_TRUE(journal->has_room(large.size()));
  ASSERT_TRUE(succeeded(journal->append(large)));
  EXPECT_EQ(records_of(*open()), Records{large});
}

TEST(LmdbChanges, AreReadAsTheyWereWritten) {
  std::string changes;
  lmdb::append_put(changes, "key", std::string(70'000, 'v'));
  lmdb::append_erase(changes, std::string(511, 'k'));
  lmdb::append_put(changes, "empty", "");
  std::vector<std::string> seen;
  ASSERT_TRUE(succeeded(lmdb::for_each_change(changes, [&](const lmdb::Change& change) -> Result<void> {
    seen.push_back(std::string(change.key) + (change.value ? "=" + std::string(*change.value) : "-"));
    return {};
  })));
  EXPECT_EQ(seen, (std::vector<std::string>{"key=" + std::string(70'000, 'v'),
                                            std::string(511, 'k') + "-", "empty="}));
  const auto ignore = [](const lmdb::Change&) -> Result<void> { return {}; };
  EXPECT_TRUE(failed(lmdb::for_each_change(changes.substr(0, changes.size() - 1), ignore),
                     ErrorCode::corrupt));
  EXPECT_TRUE(failed(lmdb::for_each_change("x", ignore), ErrorCode::corrupt));
}

}  // namespace

}  // namespace slipway::test
