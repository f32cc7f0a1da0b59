// What is recorded is all that happens: replaying it gives the files that are there.
#include "tests/crash/recorder.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <lmdb.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <functional>
#include <string>

#include "tests/crash/tree_folder.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway::crash {

namespace {

namespace fs = std::filesystem;

/// A file with this content, and where a descriptor for it stands.
struct Fixture {
  test::TemporaryFolder folder;
  std::string file = (folder.path() / "file").native();
  std::string other = (folder.path() / "other").native();
};

Disk replay(const CallLog& log) {
  Disk disk;
  for (const Entry& entry : log) disk.apply(entry);
  return disk;
}

int make(const std::string& path, int flags = 0) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | flags, 0600);
  EXPECT_GE(descriptor, 0) << path;
  return descriptor;
}

using Calls = std::function<void(const Fixture&)>;
struct Case {
  std::string name;
  Calls calls;

  friend void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }
};

void fill(int descriptor) {
  EXPECT_EQ(write(descriptor, "0123456789", 10), 10);
}

const std::vector<Case> cases = {
    {"write",
     [](const Fixture& f) {
       const int file = make(f.file);
       fill(file);
       fill(file);
       EXPECT_EQ(lseek(file, 3, SEEK_SET), 3);
       EXPECT_EQ(write(file, "ab", 2), 2);
       close(file);
     }},
    {"append",
     [](const Fixture& f) {
       close(make(f.file));
       const int file = open(f.file.c_str(), O_WRONLY | O_APPEND);
       fill(file);
       fill(file);
       close(file);
     }},
    {"pwrite",
     [](const Fixture& f) {
       const int file = make(f.file);
       EXPECT_EQ(pwrite(file, "xyz", 3, 5000), 3);
       EXPECT_EQ(pwrite(file, "abc", 3, 100), 3);
       close(file);
     }},
    {"writev",
     [](const Fixture& f) {
       const int file = make(f.file);
       std::string a = "first";
       std::string b = "second";
       const std::array<iovec, 2> parts = {{{a.data(), a.size()}, {b.data(), b.size()}}};
       EXPECT_EQ(writev(file, parts.data(), 2), 11);
       EXPECT_EQ(pwritev(file, parts.data(), 2, 3), 11);
       close(file);
     }},
    {"truncate",
     [](const Fixture& f) {
       const int file = make(f.file);
       fill(file);
       EXPECT_EQ(ftruncate(file, 4), 0);
       EXPECT_EQ(ftruncate(file, 700), 0);
       close(file);
       EXPECT_EQ(truncate(f.file.c_str(), 650), 0);
     }},
    {"open_and_truncate",
     [](const Fixture& f) {
       const int file = make(f.file);
       fill(file);
       close(file);
       close(open(f.file.c_str(), O_WRONLY | O_TRUNC));
       close(creat(f.other.c_str(), 0600));
     }},
    {"allocate",
     [](const Fixture& f) {
       const int file = make(f.file);
       EXPECT_EQ(posix_fallocate(file, 0, 3000), 0);
       EXPECT_EQ(fallocate(file, FALLOC_FL_KEEP_SIZE, 0, 9000), 0);
       close(file);
     }},
    {"rename_link_and_unlink",
     [](const Fixture& f) {
       const int file = make(f.file);
       fill(file);
       EXPECT_EQ(rename(f.file.c_str(), f.other.c_str()), 0);
       EXPECT_EQ(link(f.other.c_str(), f.file.c_str()), 0);
       EXPECT_EQ(pwrite(file, "new", 3, 0), 3);
       EXPECT_EQ(unlink(f.other.c_str()), 0);
       EXPECT_EQ(renameat2(AT_FDCWD, f.file.c_str(), AT_FDCWD, f.other.c_str(), RENAME_NOREPLACE),
                 0);
       close(file);
     }},
    {"folders",
     [](const Fixture& f) {
       EXPECT_EQ(mkdir(f.file.c_str(), 0700), 0);
       const int folder = open(f.file.c_str(), O_RDONLY | O_DIRECTORY);
       EXPECT_EQ(mkdirat(folder, "inner", 0700), 0);
       const int inner = openat(folder, "inner/file", O_WRONLY | O_CREAT, 0600);
       fill(inner);
       close(inner);
       EXPECT_EQ(renameat(folder, "inner/file", folder, "file"), 0);
       EXPECT_EQ(unlinkat(folder, "inner", AT_REMOVEDIR), 0);
       close(folder);
     }},
    {"standard_library",
     [](const Fixture& f) {
       fs::create_directories(f.folder.path() / "a" / "b");
       close(make((f.folder.path() / "a" / "b" / "c").native()));
       fs::rename(f.folder.path() / "a" / "b" / "c", f.folder.path() / "c");
       fs::resize_file(f.folder.path() / "c", 99);
       fs::copy_file(f.folder.path() / "c", f.folder.path() / "a" / "d");
       fs::create_hard_link(f.folder.path() / "c", f.folder.path() / "e");
       fs::remove(f.folder.path() / "c");
       fs::remove_all(f.folder.path() / "a");
     }},
    {"copies",
     [](const Fixture& f) {
       const int from = make(f.file);
       const int to = make(f.other);
       fill(from);
       off_t start = 2;
       EXPECT_EQ(sendfile(to, from, &start, 5), 5);
       off_t target = 600;
       start = 0;
       EXPECT_EQ(copy_file_range(from, &start, to, &target, 10, 0), 10);
       close(from);
       close(to);
     }},
    {"duplicates",
     [](const Fixture& f) {
       const int file = make(f.file);
       const int first = dup(file);
       const int second = fcntl(file, F_DUPFD_CLOEXEC, 0);
       close(file);
       fill(first);
       fill(second);
       close(first);
       close(second);
     }},
    {"written_through",
     [](const Fixture& f) {
       const int file = make(f.file, O_DSYNC);
       EXPECT_EQ(pwrite(file, "abc", 3, 4000), 3);
       close(file);
     }},
    {"lmdb",
     [](const Fixture& f) {
       MDB_env* env = nullptr;
       ASSERT_EQ(mdb_env_create(&env), 0);
       ASSERT_EQ(mdb_env_open(env, f.folder.path().c_str(), 0, 0600), 0);
       for (int i = 0; i < 20; ++i) {
         MDB_txn* transaction = nullptr;
         MDB_dbi database = 0;
         ASSERT_EQ(mdb_txn_begin(env, nullptr, 0, &transaction), 0);
         ASSERT_EQ(mdb_dbi_open(transaction, nullptr, 0, &database), 0);
         std::string value(static_cast<std::size_t>(i) * 997, static_cast<char>('a' + i));
         MDB_val key{sizeof i, &i};
         MDB_val bytes{value.size(), value.data()};
         ASSERT_EQ(mdb_put(transaction, database, &key, &bytes, 0), 0);
         ASSERT_EQ(mdb_txn_commit(transaction), 0);
       }
       mdb_env_close(env);
     }},
};

class Recorded : public testing::TestWithParam<Case> {};

TEST_P(Recorded, ReplayingGivesTheSameFiles) {
  const Fixture fixture;
  Recorder recorder(fixture.folder.path());
  GetParam().calls(fixture);
  const CallLog log = recorder.take();
  EXPECT_FALSE(log.empty());
  const Disk disk = replay(log);
  EXPECT_EQ(disk.problem(), std::nullopt);
  EXPECT_EQ(difference(disk.present(), read_tree(fixture.folder.path())), "");
}

INSTANTIATE_TEST_SUITE_P(Calls, Recorded, testing::ValuesIn(cases),
                         [](const auto& one) { return one.param.name; });

TEST(Recorder, ACallThatWasMissedShowsInTheFiles) {
  const Fixture fixture;
  Recorder recorder(fixture.folder.path());
  const int file = make(fixture.file);
  fill(file);
  close(file);
  CallLog log = recorder.take();
  std::erase_if(log, [](const Entry& entry) { return entry.kind == Entry::Kind::write; });
  EXPECT_EQ(difference(replay(log).present(), read_tree(fixture.folder.path())),
            "file has 10 bytes, not 0");
}

TEST(Recorder, WhatItDoesNotKnowIsNamed) {
  const Fixture fixture;
  Recorder recorder(fixture.folder.path());
  EXPECT_EQ(symlink("anywhere", fixture.file.c_str()), 0);
  const Disk disk = replay(recorder.take());
  ASSERT_TRUE(disk.problem());
  EXPECT_NE(disk.problem()->find("not modelled: file"), std::string::npos) << *disk.problem();
}

}  // namespace

}  // namespace slipway::crash
