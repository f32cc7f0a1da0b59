// What a power cut may leave of a few calls, worked out by hand.
#include "tests/crash/disk.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace slipway::crash {

namespace {

using Kind = Entry::Kind;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

Entry made(std::uint64_t handle, const std::string& path) {
  return {.kind = Kind::open, .number = handle, .made = true, .path = path};
}
Entry opened(std::uint64_t handle, const std::string& path) {
  return {.kind = Kind::open, .number = handle, .path = path};
}
Entry wrote(std::uint64_t handle, std::uint64_t offset, const std::string& bytes) {
  return {.kind = Kind::write, .number = handle, .offset = offset, .bytes = bytes};
}
Entry renamed(const std::string& path, const std::string& target) {
  return {.kind = Kind::rename, .path = path, .target = target};
}
std::vector<Entry> flushed(std::uint64_t handle) {
  return {{.kind = Kind::flush_begin, .number = handle, .flush = handle},
          {.kind = Kind::flush_end, .flush = handle}};
}

Disk after(const std::vector<std::vector<Entry>>& steps) {
  Disk disk;
  for (const auto& step : steps)
    for (const Entry& entry : step) disk.apply(entry);
  EXPECT_EQ(disk.problem(), std::nullopt);
  return disk;
}

/// A file as "name=first letters of its sectors", a folder as "name/"; states as sets of these.
std::string shown(const Tree& tree) {
  std::string text;
  for (const auto& [path, node] : tree) {
    text += (text.empty() ? "" : " ") + path + (node.is_folder ? "/" : "=");
    for (std::size_t at = 0; at < node.bytes.size(); at += sector_size)
      text += node.bytes[at] == '\0' ? '0' : node.bytes[at];
  }
  return text;
}
std::set<std::string> states(const Disk& disk) {
  std::set<std::string> all;
  Enumeration every;
  do {
    all.insert(shown(disk.power_cut(every)));
  } while (every.next());
  return all;
}
std::string sectors(const std::string& letters) {
  std::string bytes;
  for (const char letter : letters) bytes.append(sector_size, letter);
  return bytes;
}

TEST(Disk, ANameAndItsBytesAreLostApart) {
  const Disk disk = after({{made(1, "f"), wrote(1, 0, "a")}});
  EXPECT_THAT(states(disk), UnorderedElementsAre("", "f=", "f=0", "f=a"));
  EXPECT_EQ(shown(disk.present()), "f=a");
}

TEST(Disk, AFlushedFileHasItsBytesAndNotItsName) {
  EXPECT_THAT(states(after({{made(1, "f"), wrote(1, 0, "a")}, flushed(1)})),
              UnorderedElementsAre("", "f=a"));
}

TEST(Disk, AFlushedFolderHasItsNamesAndNotTheirBytes) {
  EXPECT_THAT(states(after({{made(1, "f"), wrote(1, 0, "a"), opened(2, "")}, flushed(2)})),
              UnorderedElementsAre("f=", "f=0", "f=a"));
}

TEST(Disk, AFlushCoversWhatCameBeforeItBegan) {
  const Disk disk = after({{made(1, "f"), opened(2, "")},
                           flushed(2),
                           {wrote(1, 0, "a"),
                            {.kind = Kind::flush_begin, .number = 1, .flush = 7},
                            wrote(1, 0, "b"),
                            {.kind = Kind::flush_end, .flush = 7}}});
  EXPECT_THAT(states(disk), UnorderedElementsAre("f=a", "f=b"));
}

TEST(Disk, AWriteIsTornAtSectorsInAnyOrder) {
  const Disk disk = after({{made(1, "f"), opened(2, ""), wrote(1, 0, sectors("aa"))},
                           flushed(1),
                           flushed(2),
                           {wrote(1, 0, sectors("bb"))}});
  EXPECT_THAT(states(disk), UnorderedElementsAre("f=aa", "f=ab", "f=ba", "f=bb"));
  EXPECT_EQ(disk.count(100), 4U);
}

TEST(Disk, ASectorIsAsItWasAtAnyMoment) {
  const Disk disk = after({{made(1, "f"), opened(2, ""), wrote(1, 0, "a")},
                           flushed(1),
                           flushed(2),
                           {wrote(1, 0, "b"), wrote(1, 0, "c")}});
  EXPECT_THAT(states(disk), UnorderedElementsAre("f=a", "f=b", "f=c"));
}

TEST(Disk, AFileThatGrowsIsZerosWhereBytesDidNotArrive) {
  const Disk disk = after({{made(1, "f"), opened(2, ""), wrote(1, 0, sectors("a"))},
                           flushed(1),
                           flushed(2),
                           {wrote(1, sector_size, sectors("bc"))}});
  EXPECT_THAT(states(disk), UnorderedElementsAre("f=a", "f=a0", "f=ab", "f=a00", "f=ab0", "f=a0c",
                                                 "f=abc"));
}

TEST(Disk, ATruncationIsLostOrNot) {
  const Disk disk = after({{made(1, "f"), opened(2, ""), wrote(1, 0, sectors("ab"))},
                           flushed(1),
                           flushed(2),
                           {{.kind = Kind::truncate, .number = 1, .size = sector_size}}});
  // The sector is given up before or after the size is.
  EXPECT_THAT(states(disk), UnorderedElementsAre("f=ab", "f=a0", "f=a"));
}

TEST(Disk, AWriteThroughIsThereAndNothingElseIs) {
  const Disk disk =
      after({{made(1, "f"), opened(2, ""), wrote(1, 0, sectors("ab"))},
             flushed(1),
             flushed(2),
             {wrote(1, 0, sectors("x")), wrote(1, sector_size, sectors("y")),
              {.kind = Kind::written_through, .number = 1, .offset = sector_size,
               .size = sector_size}}});
  EXPECT_THAT(states(disk), UnorderedElementsAre("f=ay", "f=xy"));
}

TEST(Disk, ARenameNeverLosesTheFile) {
  const Disk disk = after({{made(1, "a"), opened(2, "")}, flushed(2), {renamed("a", "b")}});
  EXPECT_THAT(states(disk), UnorderedElementsAre("a=", "a= b=", "b="));
}

TEST(Disk, TheOldNameOfAFlushedRenameMayStay) {
  const Disk disk = after({{{.kind = Kind::make_folder, .path = "from"},
                            {.kind = Kind::make_folder, .path = "to"},
                            made(1, "from/a"),
                            opened(2, ""),
                            opened(3, "from"),
                            opened(4, "to")},
                           flushed(2),
                           flushed(3),
                           {renamed("from/a", "to/b")},
                           flushed(4)});
  EXPECT_THAT(states(disk), UnorderedElementsAre("from/ from/a= to/ to/b=", "from/ to/ to/b="));
}

TEST(Disk, TheNewNameComesWithTheFlushOfTheOldOnesFolder) {
  const Disk disk = after({{{.kind = Kind::make_folder, .path = "from"},
                            {.kind = Kind::make_folder, .path = "to"},
                            made(1, "from/a"),
                            opened(2, ""),
                            opened(3, "from")},
                           flushed(2),
                           {renamed("from/a", "to/b")},
                           flushed(3)});
  EXPECT_THAT(states(disk), ElementsAre("from/ to/ to/b="));
}

TEST(Disk, ARenameOverAFileLeavesTheOneOrTheOther) {
  const Disk disk = after({{made(1, "f"), wrote(1, 0, "o"), made(2, "new"), wrote(2, 0, "n"),
                            opened(3, "")},
                           flushed(1),
                           flushed(2),
                           flushed(3),
                           {renamed("new", "f")},
                           flushed(3)});
  EXPECT_THAT(states(disk), ElementsAre("f=n"));
}

TEST(Disk, AFolderThatIsLostTakesItsFilesAlong) {
  const Disk disk = after({{{.kind = Kind::make_folder, .path = "d"},
                            opened(1, "d"),
                            made(2, "d/f"),
                            wrote(2, 0, "a")},
                           flushed(2),
                           flushed(1)});
  EXPECT_THAT(states(disk), UnorderedElementsAre("", "d/ d/f=a"));
}

TEST(Disk, ARemovedFileMayComeBack) {
  const Disk disk = after({{made(1, "f"), opened(2, "")},
                           flushed(2),
                           {{.kind = Kind::remove, .path = "f"}}});
  EXPECT_THAT(states(disk), UnorderedElementsAre("", "f="));
  EXPECT_EQ(shown(disk.present()), "");
}

TEST(Disk, AFlushThatIsIgnoredPromisesNothing) {
  Disk disk([](const std::string& path) { return path == "f"; });
  disk.apply(made(1, "f"));
  disk.apply(wrote(1, 0, "a"));
  for (const Entry& entry : flushed(1)) disk.apply(entry);
  EXPECT_THAT(states(disk), UnorderedElementsAre("", "f=", "f=0", "f=a"));
}

TEST(Disk, KillLosesNothingAndEndsFlushes) {
  Disk disk = after({{made(1, "f"), wrote(1, 0, "a"),
                      {.kind = Kind::flush_begin, .number = 1, .flush = 1},
                      {.kind = Kind::kill},
                      {.kind = Kind::flush_end, .flush = 1}}});
  EXPECT_EQ(shown(disk.present()), "f=a");
  EXPECT_THAT(states(disk), UnorderedElementsAre("", "f=", "f=0", "f=a"));
}

TEST(Disk, ASampleIsOneOfTheStatesAndTheFirstAreTheCorners) {
  const Disk disk = after({{made(1, "f"), wrote(1, 0, sectors("ab")), made(2, "g")}});
  const std::set<std::string> all = states(disk);
  std::set<std::string> sampled;
  for (std::uint64_t number = 0; number < 400; ++number) {
    Sample sample(1, number);
    const std::string state = shown(disk.power_cut(sample));
    EXPECT_TRUE(all.contains(state)) << state;
    sampled.insert(state);
    if (number == 0) {
      EXPECT_EQ(state, "");
    }
    if (number + 1 == Sample::corners) {
      EXPECT_EQ(state, "f=ab g=");
    }
  }
  EXPECT_EQ(sampled, all);
}

TEST(Disk, ACallOnWhatIsNotThereIsAProblem) {
  Disk disk;
  disk.apply(wrote(5, 0, "a"));
  EXPECT_EQ(disk.problem(), "entry 1: write of handle 5, 1 bytes at 0");
}

}  // namespace

}  // namespace slipway::crash
