#include "archive/tar_create.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>

#include "archive/ignore_rules.hpp"
#include "archive/tar_extract.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway {
namespace {

using test::TemporaryFolder;
using test::write_file;

namespace fs = std::filesystem;

Result<std::string> pack(const fs::path& folder, const TarCreateOptions& options = {}) {
  std::string bytes;
  SLIPWAY_CHECK(create_tar(
      folder,
      [&bytes](std::span<const std::byte> more) -> Result<void> {
        bytes.append(reinterpret_cast<const char*>(more.data()), more.size());
        return {};
      },
      options));
  return bytes;
}

/// What GNU tar says is in it.
std::string listed(const TemporaryFolder& folder, const std::string& bytes) {
  write_file(folder / "list.tar", bytes);
  const std::string command = "tar --numeric-owner -tvf " + (folder / "list.tar").string() +
                              " --full-time | awk '{print $1,$2,$6,$7,$8}'";
  std::string out;
  FILE* pipe = ::popen(command.c_str(), "r");
  char buffer[4096];
  for (std::size_t got = 0; (got = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    out.append(buffer, got);
  ::pclose(pipe);
  return out;
}

TEST(TarCreate, OrderedWithoutOwnersAsAnotherToolReadsIt) {
  const TemporaryFolder folder;
  write_file(folder / "in/b", "2");
  write_file(folder / "in/a/z", "1");
  fs::create_symlink("/not/there", folder / "in/l");
  ASSERT_EQ(::mkfifo((folder / "in/fifo").c_str(), 0600), 0);
  fs::permissions(folder / "in/b", fs::perms(0755));
  fs::permissions(folder / "in/a", fs::perms(0700));
  fs::permissions(folder / "in/a/z", fs::perms(0640));
  const auto bytes = pack(folder / "in");
  ASSERT_TRUE(bytes.ok()) << bytes.error().message;
  EXPECT_EQ(listed(folder, *bytes),
            "drwx------ 0/0 a/  \n"
            "-rw-r----- 0/0 a/z  \n"
            "-rwxr-xr-x 0/0 b  \n"
            "lrwxrwxrwx 0/0 l -> /not/there\n");
  EXPECT_EQ(*pack(folder / "in"), *bytes);
}

TEST(TarCreate, ComesBackAsItWas) {
  const TemporaryFolder folder;
  const std::string name(180, 'n');  // longer than a ustar name
  write_file(folder / ("in/" + name), std::string(300'000, 'q'));
  TarCreateOptions options;
  options.compression = Compression::gzip;
  const auto bytes = pack(folder / "in", options);
  ASSERT_TRUE(bytes.ok());
  EXPECT_LT(bytes->size(), 10'000U);
  EXPECT_EQ(*pack(folder / "in", options), *bytes);
  write_file(folder / "made", *bytes);
  fs::create_directories(folder / "out");
  ASSERT_TRUE(extract_tar_file(folder / "made", folder / "out").ok());
  EXPECT_EQ(test::read_file(folder / ("out/" + name)), std::string(300'000, 'q'));
}

TEST(TarCreate, WhatIsLeftOut) {
  const TemporaryFolder folder;
  for (const char* name : {"keep", ".git/config", "out/a", "out/b/keep", "empty/x"})
    write_file(folder / ("in/" + std::string(name)), name);
  const IgnoreRules rules(".git\nout\n!out/b\nempty\n");
  TarCreateOptions options;
  options.include = [&rules](std::string_view name) { return !rules.ignores(name); };
  const auto bytes = pack(folder / "in", options);
  ASSERT_TRUE(bytes.ok());
  fs::create_directories(folder / "out");
  write_file(folder / "made", *bytes);
  ASSERT_TRUE(extract_tar_file(folder / "made", folder / "out").ok());
  EXPECT_TRUE(fs::exists(folder / "out/keep"));
  EXPECT_TRUE(fs::exists(folder / "out/out/b/keep"));
  EXPECT_FALSE(fs::exists(folder / "out/out/a"));
  EXPECT_FALSE(fs::exists(folder / "out/.git"));
  EXPECT_FALSE(fs::exists(folder / "out/empty"));
}

TEST(TarCreate, Errors) {
  const TemporaryFolder folder;
  EXPECT_EQ(pack(folder / "nothing").error().code, ErrorCode::not_found);
  write_file(folder / "in/a", std::string(100'000, 'a'));
  const auto stopped = create_tar(folder / "in", [](std::span<const std::byte>) -> Result<void> {
    return Error(ErrorCode::cancelled, "enough");
  });
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error(), Error(ErrorCode::cancelled, "enough"));
}

struct IgnoreCase {
  const char* rules;
  const char* name;
  bool ignored;
};

/// The examples of Docker's documentation of .dockerignore, and its rules one by one.
TEST(IgnoreRules, AsDockerDocumentsThem) {
  const IgnoreCase cases[] = {
      {"# comment\n*/temp*\n", "somedir/temporary.txt", true},
      {"*/temp*\n", "somedir/temp", true},
      {"*/temp*\n", "temporary.txt", false},
      {"*/*/temp*\n", "somedir/subdir/temporary.txt", true},
      {"*/*/temp*\n", "somedir/temporary.txt", false},
      {"temp?\n", "tempa", true},
      {"temp?\n", "temp", false},
      {"temp?\n", "tempab", false},
      {"**/*.go", "a.go", true},
      {"**/*.go", "x/y/a.go", true},
      {"**/*.go", "x/y/a.gox", false},
      {"*.md\n!README.md\n", "README.md", false},
      {"*.md\n!README.md\n", "NOTES.md", true},
      {"*.md\n!README*.md\nREADME-secret.md\n", "README-secret.md", true},
      {"*.md\nREADME-secret.md\n!README*.md\n", "README-secret.md", false},
      {"/foo/bar\n", "foo/bar", true},
      {"foo/bar/\n", "foo/bar/baz", true},
      {"foo\n", "a/foo", false},
      {"./foo/../bar\n", "bar/x", true},
      {"a*b*c\n", "axxbxxc", true},
      {"a*b*c\n", "axxcxxb", false},
      {"[a-c]x\n", "bx", true},
      {"[^a-c]x\n", "bx", false},
      {"[^a-c]x\n", "dx", true},
      {"\\*x\n", "*x", true},
      {"\\*x\n", "yx", false},
      {"a/**/z\n", "a/z", true},
      {"a/**/z\n", "a/b/c/z", true},
      {"", "anything", false},
      {"  # not a comment\n", "# not a comment", true},
  };
  for (const IgnoreCase& one : cases)
    EXPECT_EQ(IgnoreRules(one.rules).ignores(one.name), one.ignored) << one.rules << one.name;
}

TEST(IgnoreRules, ManyStarsTakeNoTime) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  EXPECT_FALSE(IgnoreRules(pattern + "b").ignores(std::string(2000, 'a')));
}

}  // namespace
}  // namespace slipway
