// Blocks for LMDB's file before it writes to them.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "lmdb/growth.hpp"
#include "support/file.hpp"
#include "tests/lmdb/harness.hpp"

namespace slipway::test {

namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20U;

class LmdbGrowth : public testing::Test {
 protected:
  struct stat status() const {
    struct stat status {};
    EXPECT_EQ(::fstat(file_.get(), &status), 0);
    return status;
  }

  const TemporaryFolder folder_;
  const files::Descriptor file_ =
      files::open_file(folder_.path() / "file", O_RDWR | O_CREAT).value();
};

TEST_F(LmdbGrowth, TheFileHasBlocksAsFarAsItWasAskedFor) {
  ASSERT_EQ(::pwrite(file_.get(), "content", 7, 0), 7);
  lmdb::Growth growth(file_.get(), 100 * mebibyte);
  ASSERT_EQ(growth.reach(3 * mebibyte), 0);
  EXPECT_EQ(status().st_size, 6 * mebibyte) << "as much again ahead";
  EXPECT_GE(static_cast<std::uint64_t>(status().st_blocks) * 512, 6 * mebibyte);
  ASSERT_EQ(growth.reach(5 * mebibyte), 0);
  EXPECT_EQ(status().st_size, 6 * mebibyte);
  ASSERT_EQ(growth.reach(40 * mebibyte), 0);
  EXPECT_EQ(status().st_size, 56 * mebibyte) << "at most 16 MiB ahead";
  std::string bytes(7, '\0');
  ASSERT_EQ(::pread(file_.get(), bytes.data(), bytes.size(), 0), 7);
  EXPECT_EQ(bytes, "content");
}

TEST_F(LmdbGrowth, TheLimitIsNotPassed) {
  lmdb::Growth growth(file_.get(), 4 * mebibyte);
  ASSERT_EQ(growth.reach(3 * mebibyte), 0);
  ASSERT_EQ(growth.reach(9 * mebibyte), 0);
  EXPECT_EQ(status().st_size, 4 * mebibyte);
}

TEST_F(LmdbGrowth, WhatTheDiskCannotHaveIsTold) {
  lmdb::Growth growth(file_.get(), std::uint64_t{1} << 62U);
  EXPECT_NE(growth.reach(std::uint64_t{1} << 61U), 0);
  EXPECT_EQ(growth.reach(mebibyte), 0) << "and less may still be had";
}

}  // namespace

}  // namespace slipway::test
