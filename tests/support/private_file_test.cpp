#include "support/private_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/temporary_folder.hpp"

namespace slipway {
namespace {

using test::read_file;
using test::TemporaryFolder;
using test::write_file;

namespace fs = std::filesystem;

mode_t mode_of(const fs::path& path) {
  struct stat info {};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info.st_mode;
}

TEST(PrivateFile, IsTheUsersAloneWhateverTheMaskAndWhateverWasThere) {
  const TemporaryFolder folder;
  const fs::path path = folder / "token";
  const mode_t before = ::umask(0);
  for (const Flush flush : {Flush::no, Flush::yes}) {
    write_file(path, "what was there, readable by all");
    ASSERT_EQ(::chmod(path.c_str(), 0666), 0);
    const fs::path held = folder / "held";
    fs::remove(held);
    fs::create_hard_link(path, held);
    const auto written = write_private_file(path, std::string_view("a\0b", 3), flush);
    ASSERT_TRUE(written.ok()) << written.error().message;
    EXPECT_EQ(read_file(path), std::string("a\0b", 3));
    EXPECT_EQ(mode_of(path), S_IFREG | 0600U);
    EXPECT_EQ(read_file(held), "what was there, readable by all") << "another name of the old one";
  }
  ::umask(before);
}

TEST(PrivateFile, IsNotWrittenThroughALink) {
  const TemporaryFolder folder;
  write_file(folder / "elsewhere", "mine");
  for (const char* name : {"token", "draft"}) fs::create_symlink("elsewhere", folder / name);
  ASSERT_TRUE(write_private_file(folder / "token", "secret").ok());
  EXPECT_EQ(mode_of(folder / "token"), S_IFREG | 0600U);
  fs::remove(folder / "token");
  fs::create_symlink("elsewhere", folder / "token");
  ASSERT_TRUE(
      replace_private_file(folder / "token", folder / "draft", "secret", Flush::yes).ok());
  EXPECT_EQ(mode_of(folder / "token"), S_IFREG | 0600U);
  EXPECT_EQ(read_file(folder / "token"), "secret");
  EXPECT_EQ(read_file(folder / "elsewhere"), "mine");
  EXPECT_FALSE(fs::exists(fs::symlink_status(folder / "draft")));
}

TEST(PrivateFile, IsReplacedAsAWholeOrNotAtAll) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_private_file(folder / "key", "old").ok());
  const auto failed =
      replace_private_file(folder / "key", folder / "none" / "draft", "new", Flush::no);
  ASSERT_FALSE(failed.ok());
  EXPECT_NE(failed.error().message.find("draft"), std::string::npos) << failed.error().message;
  EXPECT_EQ(read_file(folder / "key"), "old");
  ASSERT_TRUE(replace_private_file(folder / "key", folder / "draft", "new", Flush::no).ok());
  EXPECT_EQ(read_file(folder / "key"), "new");
}

}  // namespace
}  // namespace slipway
