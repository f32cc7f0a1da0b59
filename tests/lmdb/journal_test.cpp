// The journal's file: what is found in it after its process ended anywhere.
#include "lmdb/journal.hpp"

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <slipway/support/hasher.hpp>

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

  const TemporaryFolder folder_ = TemporaryFolder::in_memory();
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
  ASSERT_TRUE(succeeded(journal->append(std::string(131'072 - record_head, 'x'))));
  EXPECT_FALSE(journal->is_half_full());
  ASSERT_TRUE(succeeded(journal->append("")));
  EXPECT_TRUE(journal->is_half_full());
  EXPECT_TRUE(journal->has_room(131'072 - 2 * record_head));
  EXPECT_FALSE(journal->has_room(131'072 - 2 * record_head + 1));
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

TEST_F(LmdbJournal, WhatCameAfterACheckpointWasBegunStays) {
  const auto journal = open(false);
  begin(*journal, "old");
  ASSERT_TRUE(succeeded(journal->append("in it")));
  const Journal::Position end = journal->end();
  ASSERT_TRUE(succeeded(journal->append("after it")));
  EXPECT_EQ(records_of(*open()), (Records{"in it", "after it"}));
  ASSERT_TRUE(succeeded(journal->begin(Checkpoint{3, "new"}, end)));
  ASSERT_TRUE(succeeded(journal->append("and later")));
  const auto opened = open();
  EXPECT_EQ(opened->checkpoint()->meta_pages, "new");
  EXPECT_EQ(records_of(*opened), (Records{"after it", "and later"}));
  EXPECT_EQ(records_of(*journal), (Records{"after it", "and later"}));
}

/// 262,144 bytes: three records of 80,048 leave room for 22,000 at the end, of which the fourth has no use.
TEST_F(LmdbJournal, BehindItsEndItGoesOnAtItsBeginning) {
  const auto journal = open(false);
  begin(*journal, "m");
  const auto large = [](char c) { return std::string(80'000, c); };
  for (const char c : {'a', 'b'}) ASSERT_TRUE(succeeded(journal->append(large(c))));
  const Journal::Position end = journal->end();
  ASSERT_TRUE(succeeded(journal->append(large('c'))));
  EXPECT_FALSE(journal->has_room(80'000)) << "the first two are needed";
  ASSERT_TRUE(succeeded(journal->begin(Checkpoint{1, "n"}, end)));
  ASSERT_TRUE(journal->has_room(80'000));
  ASSERT_TRUE(succeeded(journal->append(large('d'))));
  EXPECT_EQ(records_of(*open()), (Records{large('c'), large('d')}));
  EXPECT_TRUE(journal->has_room(2 * 80'048 - 80'048 - record_head));
  EXPECT_FALSE(journal->has_room(2 * 80'048 - 80'048 - record_head + 1)) << "up to what is needed";

  journal->take_back();
  EXPECT_EQ(records_of(*open()), Records{large('c')});
  ASSERT_TRUE(succeeded(journal->append("e")));
  EXPECT_EQ(records_of(*open()), (Records{large('c'), "e"}));
}

/// Whatever is done to it, opening finds what a list of records that is treated likewise has.
TEST_F(LmdbJournal, IsAListOfRecordsWhateverIsDoneToIt) {
  std::mt19937_64 random(random_seed());
  const auto chance = [&random](unsigned of) { return random() % of == 0; };
  auto journal = open(false);
  begin(*journal, "0");
  Records expected;
  struct Mark {
    Journal::Position end;
    std::size_t records;
  };
  std::optional<Mark> mark;  // where a checkpoint was begun
  std::size_t laps = 0;
  for (int step = 1; step < 3000; ++step) {
    const std::string changes(random() % (chance(4) ? 60'000 : 3'000), static_cast<char>('a' + step % 26));
    if (!journal->has_room(changes.size())) {
      if (!mark) {
        begin(*journal, std::to_string(step));
        expected.clear();
        continue;
      }
    } else {
      const std::uint64_t before = journal->end().place;
      ASSERT_TRUE(succeeded(journal->append(changes)));
      laps += journal->end().place < before ? 1 : 0;
      expected.push_back(changes);
      if (chance(5)) {
        journal->take_back();
        expected.pop_back();
      }
    }
    if (mark && (chance(20) || !journal->has_room(60'000))) {
      ASSERT_TRUE(succeeded(journal->begin(Checkpoint{1, std::to_string(step)}, mark->end)));
      expected.erase(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(mark->records));
      mark.reset();
    } else if (!mark && (chance(20) || journal->is_half_full())) {
      mark = Mark{journal->end(), expected.size()};
    }
    if (chance(50)) {
      ASSERT_TRUE(succeeded(journal->grow(0)));
    }
    if (chance(25)) {
      ASSERT_TRUE(records_of(*open()) == expected) << "at step " << step;
      ASSERT_TRUE(records_of(*journal) == expected) << "at step " << step;
    }
    if (chance(200)) {
      journal = open();
      ASSERT_TRUE(records_of(*journal) == expected) << "at step " << step;
      mark.reset();
    }
  }
  EXPECT_GT(laps, 0U);
}

std::string number(std::uint64_t value, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}

std::string coded(std::string_view key, const std::string& text) {
  const auto code = hmac_sha256(key, text);
  return {reinterpret_cast<const char*>(code.data()), code.size()};
}

/// Format 1 had no place in its slots: records began behind them.
TEST_F(LmdbJournal, OneOfFormat1IsReadAndGoneOnWith) {
  const std::string key(32, 'k');
  const std::string first_line = "slipway journal, format 1\n";
  std::string slot = first_line + number(7, 8) + number(40, 8) + number(8192, 8) + key + number(4, 4) + "meta";
  slot += coded(first_line, slot);
  std::string content(records_begin + Journal::first_bytes, '\0');
  content.replace(slot_bytes, slot.size(), slot);  // generation 7
  const std::string record = number(40, 8) + number(3, 8) + "one";
  content.replace(records_begin, 35 + 16, coded(key, record) + record);
  std::ofstream(path_, std::ios::binary) << content;
  {
    const auto journal = open();
    EXPECT_EQ(journal->checkpoint()->used_bytes, 8192U);
    EXPECT_EQ(journal->checkpoint()->meta_pages, "meta");
    EXPECT_EQ(records_of(*journal), Records{"one"});
    EXPECT_TRUE(read_file(path_) == content) << "an upgrade that is interrupted has lost nothing";
    ASSERT_TRUE(succeeded(journal->append("two")));
  }
  {
    const auto journal = open();
    EXPECT_EQ(records_of(*journal), (Records{"one", "two"}));
    begin(*journal, "new");
  }
  EXPECT_EQ(open()->checkpoint()->meta_pages, "new");
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
