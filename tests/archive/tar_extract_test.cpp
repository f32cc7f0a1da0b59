#include "archive/tar_extract.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <clocale>
#include <cstdlib>
#include <cstring>

#include "tests/archive/tar_bytes.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway {
namespace {

using test::read_file;
using test::tar;
using test::TarEntry;
using test::TemporaryFolder;
using test::write_file;

namespace fs = std::filesystem;

/// Gives the bytes in pieces of an odd size, so that every boundary is crossed.
ByteSource source_of(const std::string& bytes, std::size_t piece = 777) {
  return [&bytes, at = std::size_t{0}, piece](std::span<std::byte> into) mutable {
    const std::size_t size = std::min({piece, into.size(), bytes.size() - at});
    std::memcpy(into.data(), bytes.data() + at, size);
    at += size;
    return Result<std::size_t>(size);
  };
}

class TarExtract : public testing::Test {
 protected:
  Result<ExtractSummary> extract(const std::string& bytes, const ExtractLimits& limits = {}) {
    fs::create_directories(target_);
    return extract_tar(source_of(bytes), target_, limits);
  }
  void expect_refused(const std::string& bytes, std::string_view part,
                      ErrorCode code = ErrorCode::invalid_argument) {
    const auto result = extract(bytes);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, code) << result.error().message;
    EXPECT_NE(result.error().message.find(part), std::string::npos) << result.error().message;
  }

  TemporaryFolder folder_;
  const fs::path target_ = folder_ / "target";
  const fs::path outside_ = folder_ / "outside";
};

TEST_F(TarExtract, FilesFoldersLinksModesAndTimes) {
  const auto result = extract(
      tar(TarEntry{"app/", '5', "", "", 0750}, TarEntry{"app/run", '0', "#!/bin/sh\n", "", 0755},
          TarEntry{"app/link", '2', "", "/etc/passwd"}, TarEntry{"app/twin", '1', "", "app/run"},
          TarEntry{"deep/er/file", '0', std::string(5000, 'x')}));
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(result->entries, 5U);
  EXPECT_EQ(result->bytes, 5010U);
  EXPECT_EQ(read_file(target_ / "app/run"), "#!/bin/sh\n");
  EXPECT_EQ(read_file(target_ / "deep/er/file"), std::string(5000, 'x'));
  EXPECT_EQ(fs::read_symlink(target_ / "app/link"), "/etc/passwd");
  struct stat status {};
  ASSERT_EQ(::stat((target_ / "app/run").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0755U);
  EXPECT_EQ(status.st_mtim.tv_sec, 1'700'000'000);
  EXPECT_EQ(status.st_nlink, 2U);
  ASSERT_EQ(::stat((target_ / "app").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0750U);
}

TEST_F(TarExtract, SetUserIdAndStickyBitsAreDropped) {
  ASSERT_TRUE(
      extract(tar(TarEntry{"su", '0', "x", "", 06755}, TarEntry{"tmp/", '5', "", "", 01777})).ok());
  struct stat status {};
  ASSERT_EQ(::stat((target_ / "su").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0755U);
  ASSERT_EQ(::stat((target_ / "tmp").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0777U);
}

TEST_F(TarExtract, AbsoluteNames) {
  expect_refused(tar(TarEntry{outside_ / "x"}), "absolute");
}

TEST_F(TarExtract, ParentFolders) {
  expect_refused(tar(TarEntry{"../outside"}), "\"..\"");
  expect_refused(tar(TarEntry{"a/../../outside"}), "\"..\"");
  expect_refused(tar(TarEntry{"..", '5'}), "\"..\"");
  EXPECT_FALSE(fs::exists(outside_));
}

TEST_F(TarExtract, NothingIsWrittenThroughASymbolicLink) {
  fs::create_directories(outside_);
  expect_refused(tar(TarEntry{"link", '2', "", "../outside"}, TarEntry{"link/file", '0', "owned"}),
                 "behind \"link\"");
  expect_refused(tar(TarEntry{"here", '2', "", outside_}, TarEntry{"here/sub/file", '0', "owned"}),
                 "behind \"here\"");
  expect_refused(tar(TarEntry{"up", '2', "", ".."}, TarEntry{"up/outside/", '5'}), "behind \"up\"");
  EXPECT_TRUE(fs::is_empty(outside_));
}

TEST_F(TarExtract, AFileReplacesALinkInsteadOfFollowingIt) {
  write_file(outside_ / "victim", "kept");
  ASSERT_TRUE(
      extract(tar(TarEntry{"f", '2', "", "../outside/victim"}, TarEntry{"f", '0', "new"})).ok());
  EXPECT_EQ(read_file(outside_ / "victim"), "kept");
  EXPECT_EQ(read_file(target_ / "f"), "new");
}

TEST_F(TarExtract, AFolderReplacesALinkAndItsModeGoesNowhereElse) {
  fs::create_directories(outside_);
  fs::permissions(outside_, fs::perms::owner_all);
  ASSERT_TRUE(extract(tar(TarEntry{"d", '2', "", "../outside"}, TarEntry{"d/", '5', "", "", 0777},
                          TarEntry{"d/f", '0', "in"}))
                  .ok());
  EXPECT_EQ(fs::status(outside_).permissions(), fs::perms::owner_all);
  EXPECT_TRUE(fs::is_empty(outside_));
  EXPECT_EQ(read_file(target_ / "d/f"), "in");
}

TEST_F(TarExtract, HardLinksStayInside) {
  write_file(outside_ / "secret", "s");
  expect_refused(tar(TarEntry{"h", '1', "", "../outside/secret"}), "\"..\"");
  expect_refused(tar(TarEntry{"h", '1', "", (outside_ / "secret").string()}), "absolute");
  expect_refused(tar(TarEntry{"way", '2', "", "../outside"}, TarEntry{"h", '1', "", "way/secret"}),
                 "behind \"way\"");
  expect_refused(tar(TarEntry{"h", '1', "", "not/there"}), "archive entry");
  expect_refused(tar(TarEntry{"d/", '5'}, TarEntry{"h", '1', "", "d"}), "no file");
}

TEST_F(TarExtract, WritingIntoAHardLinkReplacesIt) {
  ASSERT_TRUE(extract(tar(TarEntry{"a", '0', "first"}, TarEntry{"b", '1', "", "a"},
                          TarEntry{"b", '0', "second"}))
                  .ok());
  EXPECT_EQ(read_file(target_ / "a"), "first");
  EXPECT_EQ(read_file(target_ / "b"), "second");
}

TEST_F(TarExtract, DevicesAndFifosAreRefused) {
  for (char type : {'3', '4', '6'})
    expect_refused(tar(TarEntry{"dev", type}), "is a device, FIFO or socket");
  EXPECT_FALSE(fs::exists(target_ / "dev"));
}

TEST_F(TarExtract, NamesAreBytesWhateverTheLocale) {
  // "straße" in UTF-8, and a byte that is no UTF-8 at all.
  const std::string sharp =
      "stra\xC3\x9F"
      "e";
  TarEntry header{"pax", 'x', test::pax_record("path", sharp + "-pax")};
  ASSERT_STREQ(std::setlocale(LC_ALL, nullptr), "C");
  const auto result = extract(tar(TarEntry{sharp, '0', "1"}, TarEntry{"raw\xFF", '0', "2"}, header,
                                  TarEntry{"placeholder", '0', "3"}));
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(read_file(target_ / sharp), "1");
  EXPECT_EQ(read_file(target_ / "raw\xFF"), "2");
  EXPECT_EQ(read_file(target_ / (sharp + "-pax")), "3");
}

TEST_F(TarExtract, PaxCannotSmuggleAPath) {
  expect_refused(tar(TarEntry{"pax", 'x', test::pax_record("path", "../outside")},
                     TarEntry{"innocent", '0', "x"}),
                 "\"..\"");
}

TEST_F(TarExtract, Limits) {
  ExtractLimits few;
  few.entries = 2;
  auto result = extract(tar(TarEntry{"a"}, TarEntry{"b"}, TarEntry{"c"}), few);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::too_large);

  ExtractLimits small;
  small.bytes = 1000;
  result = extract(
      tar(TarEntry{"a", '0', std::string(600, 'a')}, TarEntry{"b", '0', std::string(600, 'b')}),
      small);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::too_large);

  ExtractLimits terse;
  terse.name = 10;
  result = extract(tar(TarEntry{"longer-than-ten"}), terse);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::too_large);
}

TEST_F(TarExtract, ASparseFileCountsAsWhatReadingItGives) {
  // GNU sparse 1.0 in pax: a map "1 extent: at 0, 0 bytes" and a real size of one tebibyte.
  std::string map = "1\n0\n0\n";
  map.resize(512, '\0');
  const std::string records = test::pax_record("GNU.sparse.major", "1") +
                              test::pax_record("GNU.sparse.minor", "0") +
                              test::pax_record("GNU.sparse.name", "hole") +
                              test::pax_record("GNU.sparse.realsize", "1099511627776");
  const auto result = extract(tar(TarEntry{"pax", 'x', records}, TarEntry{"hole", '0', map}));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::too_large) << result.error().message;
}

TEST_F(TarExtract, DamagedAndForeignBytes) {
  expect_refused("", "empty");
  expect_refused(std::string(4096, 'q'), "no tar");
  std::string cut = tar(TarEntry{"a", '0', std::string(3000, 'a')});
  cut.resize(1500);
  expect_refused(cut, "damaged");
  expect_refused("\x1f\x8b\x08garbage that is no deflate stream", "damaged");
}

TEST_F(TarExtract, TheSourcesErrorIsKept) {
  fs::create_directories(target_);
  const auto result = extract_tar(
      [](std::span<std::byte>) -> Result<std::size_t> {
        return Error(ErrorCode::cancelled, "stop");
      },
      target_);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error(), Error(ErrorCode::cancelled, "stop"));
}

TEST_F(TarExtract, WhatTarMadeWithEachCompression) {
  write_file(folder_ / "in/a/b.txt", "hello");
  fs::create_directories(target_);
  for (const std::string option : {"", "--gzip", "--zstd"}) {
    const fs::path archive = folder_ / "made.tar";
    const std::string command =
        "tar -C " + (folder_ / "in").string() + " " + option + " -cf " + archive.string() + " .";
    ASSERT_EQ(std::system(command.c_str()), 0);
    const auto result = extract_tar_file(archive, target_);
    ASSERT_TRUE(result.ok()) << option << ": " << result.error().message;
    EXPECT_EQ(read_file(target_ / "a/b.txt"), "hello") << option;
    fs::remove_all(target_ / "a");
  }
  const auto missing = extract_tar_file(folder_ / "nothing", target_);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace slipway
