#include "archive/tar_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "archive/tar_writer.hpp"
#include "tests/archive/tar_bytes.hpp"

namespace slipway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ByteSource source_of(std::string_view bytes, std::size_t piece = 1000) {
  return [bytes, piece](std::span<std::byte> out) mutable -> Result<std::size_t> {
    const std::size_t count =
        bytes.copy(reinterpret_cast<char*>(out.data()), std::min(piece, out.size()));
    bytes.remove_prefix(count);
    return count;
  };
}

ByteSink into(std::string& bytes) {
  return [&bytes](std::span<const std::byte> more) -> Result<void> {
    bytes.append(reinterpret_cast<const char*>(more.data()), more.size());
    return {};
  };
}

TarEntry file(std::string name, std::uint64_t size) {
  TarEntry entry;
  entry.name = std::move(name);
  entry.size = size;
  return entry;
}

std::string data_of(TarReader& reader) {
  std::string data;
  std::vector<std::byte> piece(100);
  while (true) {
    const auto got = reader.read(piece);
    EXPECT_TRUE(got.ok()) << (got ? "" : got.error().message);
    if (!got || *got == 0) return data;
    data.append(reinterpret_cast<const char*>(piece.data()), *got);
  }
}

/// The names until the end or an error, whose message is the last.
std::vector<std::string> names_of(TarReader& reader) {
  std::vector<std::string> names;
  while (true) {
    const auto entry = reader.next();
    if (!entry) names.push_back(entry.error().message);
    if (!entry || !*entry) return names;
    names.push_back((*entry)->name);
  }
}

TEST(TarReader, EntriesAsTheyStand) {
  const std::string bytes = test::tar(
      test::TarEntry{"a/", '5', "", "", 0700}, test::TarEntry{"../b", '0', "bytes", "", 04755, 12},
      test::TarEntry{"link", '2', "", "/etc/passwd"}, test::TarEntry{"hard", '1', "", "../b"},
      test::TarEntry{"null", '3'});
  auto reader = TarReader::open(source_of(bytes));
  ASSERT_TRUE(reader.ok());
  std::vector<TarEntry> entries;
  for (auto entry = reader->next(); entry.ok() && *entry; entry = reader->next()) {
    entries.push_back(**entry);
    if ((*entry)->name == "../b") {
      EXPECT_EQ(data_of(*reader), "bytes");
    }
  }
  ASSERT_EQ(entries.size(), 5U);
  EXPECT_EQ(entries[0].type, TarEntry::Type::folder);
  EXPECT_EQ(entries[0].mode, 0700U);
  EXPECT_EQ(entries[1], (TarEntry{"../b", TarEntry::Type::file, "", 5, 04755, 12, 0}));
  EXPECT_EQ(entries[2].type, TarEntry::Type::symlink);
  EXPECT_EQ(entries[2].target, "/etc/passwd");
  EXPECT_EQ(entries[3].type, TarEntry::Type::hard_link);
  EXPECT_EQ(entries[3].target, "../b");
  EXPECT_EQ(entries[4].type, TarEntry::Type::other);
}

TEST(TarReader, WhatIsNotReadIsPassedOver) {
  const std::string bytes = test::tar(test::TarEntry{"large", '0', std::string(100'000, 'x')},
                                      test::TarEntry{"small", '0', "y"});
  std::uint64_t passed = 0;
  std::string_view rest = bytes;
  const ByteSkip skip = [&](std::uint64_t wanted) -> Result<std::uint64_t> {
    const std::uint64_t step = std::min<std::uint64_t>(wanted, rest.size());
    rest.remove_prefix(static_cast<std::size_t>(step));
    passed += step;
    return step;
  };
  auto reader = TarReader::open(
      [&rest](std::span<std::byte> out) -> Result<std::size_t> {
        const std::size_t count =
            rest.copy(reinterpret_cast<char*>(out.data()), std::min<std::size_t>(512, out.size()));
        rest.remove_prefix(count);
        return count;
      },
      {}, skip);
  ASSERT_TRUE(reader.ok());
  EXPECT_THAT(names_of(*reader), ElementsAre("large", "small"));
  EXPECT_GT(passed, 90'000U);
}

TEST(TarReader, Limits) {
  const std::string bytes = test::tar(test::TarEntry{"a", '0', "12345"}, test::TarEntry{"b"});
  TarLimits limits;
  limits.entries = 1;
  auto reader = TarReader::open(source_of(bytes), limits);
  EXPECT_THAT(names_of(*reader), ElementsAre("a", HasSubstr("more than 1 entries")));

  limits = {};
  limits.bytes = 4;
  reader = TarReader::open(source_of(bytes), limits);
  ASSERT_TRUE(reader->next().ok());
  std::vector<std::byte> piece(100);
  EXPECT_EQ(reader->read(piece).error().code, ErrorCode::too_large);

  limits = {};
  limits.name = 3;
  const std::string named = test::tar(test::TarEntry{"abcd"});
  reader = TarReader::open(source_of(named), limits);
  EXPECT_EQ(reader->next().error().code, ErrorCode::too_large);
  const std::string linked = test::tar(test::TarEntry{"a", '2', "", "abcd"});
  reader = TarReader::open(source_of(linked), limits);
  EXPECT_EQ(reader->next().error().code, ErrorCode::too_large);
}

TEST(TarReader, ABombIsCutOffWhetherItIsReadOrPassedOver) {
  TarLimits limits;
  limits.ratio = 20;
  limits.ratio_from = 100'000;
  for (const Compression compression : {Compression::gzip, Compression::zstd}) {
    std::string bytes;
    auto writer = TarWriter::open(into(bytes), compression);
    ASSERT_TRUE(writer->add(file("zeros", 50'000'000)).ok());
    ASSERT_TRUE(writer->finish().ok());
    auto reader = TarReader::open(source_of(bytes), limits);
    EXPECT_THAT(names_of(*reader), ElementsAre("zeros", HasSubstr("20 times")));
    reader = TarReader::open(source_of(bytes), limits);
    ASSERT_TRUE(reader->next().ok());
    std::vector<std::byte> piece(100'000);
    Result<std::size_t> got = std::size_t{1};
    while (got && *got > 0) got = reader->read(piece);
    ASSERT_FALSE(got.ok());
    EXPECT_EQ(got.error().code, ErrorCode::too_large);
  }
}

TEST(TarReader, AHoleAtTheEndIsZeros) {
  const std::string map = "1\n0\n1\n" + std::string(512 - 6, '\0');
  const std::string records = test::pax_record("GNU.sparse.major", "1") +
                              test::pax_record("GNU.sparse.minor", "0") +
                              test::pax_record("GNU.sparse.name", "hole") +
                              test::pax_record("GNU.sparse.realsize", "5");
  const std::string bytes = test::tar(test::TarEntry{"pax", 'x', records},
                                      test::TarEntry{"hole", '0', map + "a"}, test::TarEntry{"b"});
  auto reader = TarReader::open(source_of(bytes));
  EXPECT_EQ((*reader->next())->size, 5U);
  EXPECT_EQ(data_of(*reader), std::string("a\0\0\0\0", 5));
  EXPECT_THAT(names_of(*reader), ElementsAre("b"));
}

TEST(TarReader, HolesCountLikeZeros) {
  const std::string map = "1\n0\n0\n" + std::string(512 - 6, '\0');
  const std::string records = test::pax_record("GNU.sparse.major", "1") +
                              test::pax_record("GNU.sparse.minor", "0") +
                              test::pax_record("GNU.sparse.name", "hole") +
                              test::pax_record("GNU.sparse.realsize", "1099511627776");
  const std::string bytes =
      test::tar(test::TarEntry{"pax", 'x', records}, test::TarEntry{"hole", '0', map});
  TarLimits limits;
  limits.ratio_from = 1'000'000;
  auto reader = TarReader::open(source_of(bytes), limits);
  ASSERT_TRUE(reader->next().ok());
  std::vector<std::byte> piece(100'000);
  Result<std::size_t> got = std::size_t{1};
  while (got && *got > 0) got = reader->read(piece);
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().code, ErrorCode::too_large);
}

TEST(TarReader, DamagedCutShortAndForeign) {
  EXPECT_FALSE(TarReader::open(source_of("")).ok());
  EXPECT_FALSE(TarReader::open(source_of("certainly no archive of any kind")).ok());
  const std::string bytes = test::tar(test::TarEntry{"a", '0', std::string(2000, 'x')});
  auto reader = TarReader::open(source_of(std::string_view(bytes).substr(0, 1000)));
  ASSERT_TRUE(reader.ok());
  EXPECT_THAT(names_of(*reader), ElementsAre("a", HasSubstr("runcated")));
}

TEST(EntryNames, WithoutWhatSaysNothing) {
  EXPECT_EQ(*parse_entry_name("./blobs//sha256/./x"), "blobs/sha256/x");
  EXPECT_EQ(*parse_entry_name("./"), "");
  for (const char* name : {"../a", "a/../../b", "/a", "a/.."})
    EXPECT_EQ(parse_entry_name(name).error().code, ErrorCode::invalid_argument) << name;
}

TEST(EntryNames, WhereALinkLeads) {
  EXPECT_EQ(*resolve_entry_link("a/layer.tar", "../b/layer.tar"), "b/layer.tar");
  EXPECT_EQ(*resolve_entry_link("a/b/c", "./../d"), "a/d");
  EXPECT_EQ(*resolve_entry_link("a", "b"), "b");
  for (const char* target : {"../a", "/a", "", "b/../../c"})
    EXPECT_EQ(resolve_entry_link("a", target).error().code, ErrorCode::invalid_argument) << target;
}

// ---- writing ----

TEST(TarWriter, ComesBackAsItWasWithEachCompression) {
  TarEntry folder;
  folder.name = "d/";
  folder.type = TarEntry::Type::folder;
  folder.mode = 0750;
  TarEntry link;
  link.name = "d/l";
  link.type = TarEntry::Type::symlink;
  link.target = "../elsewhere";
  TarEntry timed = file("d/f", 3);
  timed.mode = 0600;
  timed.mtime = 1'700'000'000;
  for (const Compression compression : {Compression::none, Compression::gzip, Compression::zstd}) {
    std::string bytes;
    auto writer = TarWriter::open(into(bytes), compression);
    ASSERT_TRUE(writer->add(folder).ok());
    ASSERT_TRUE(writer->add(timed).ok());
    ASSERT_TRUE(writer->write(std::as_bytes(std::span("abc", 3))).ok());
    ASSERT_TRUE(writer->add(link).ok());
    ASSERT_TRUE(writer->finish().ok());
    auto reader = TarReader::open(source_of(bytes));
    EXPECT_EQ(**reader->next(), folder);
    EXPECT_EQ(**reader->next(), timed);
    EXPECT_EQ(data_of(*reader), "abc");
    const TarEntry read = **reader->next();
    EXPECT_EQ(read.target, "../elsewhere");
    EXPECT_EQ(read.type, TarEntry::Type::symlink);
  }
}

TEST(TarWriter, MoreDataThanWasSaid) {
  std::string bytes;
  auto writer = TarWriter::open(into(bytes));
  ASSERT_TRUE(writer->add(file("a", 2)).ok());
  EXPECT_EQ(writer->write(std::as_bytes(std::span("abc", 3))).error().code,
            ErrorCode::invalid_argument);
}

TEST(TarWriter, TheSinksErrorIsKept) {
  auto writer = TarWriter::open([](std::span<const std::byte>) -> Result<void> {
    return Error(ErrorCode::io, "the disk is full");
  });
  ASSERT_TRUE(writer.ok());
  Result<void> written = writer->add(file("a", 1'000'000));
  const std::vector<std::byte> data(1'000'000);
  if (written) written = writer->write(data);
  if (written) written = writer->finish();
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().message, "the disk is full");
}

TEST(TarWriter, GivenUpItHasNoEnd) {
  std::string bytes;
  {
    auto writer = TarWriter::open(into(bytes), Compression::gzip);
    ASSERT_TRUE(writer->add(file("a", 5)).ok());
  }
  auto reader = TarReader::open(source_of(bytes));
  EXPECT_FALSE(reader.ok() && names_of(*reader).size() == 1);
}

}  // namespace
}  // namespace slipway
