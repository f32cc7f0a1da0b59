#include <slipway/build/log_store.hpp>

#include <slipway/core/timestamp.hpp>
#include <slipway/storage/blob_store.hpp>
#include <slipway/storage/memory_metadata_store.hpp>
#include <slipway/storage/memory_object_store.hpp>
#include <slipway/support/clock.hpp>

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include <memory>
#include <string>

#include "tests/build/wait_for.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway {

namespace test {

/// By Debian's gzip: somebody else's reading.
std::string gunzip_with_the_tool(const std::string& file) {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "log.gz").string();
  std::ofstream(path, std::ios::binary) << file;
  std::string out;
  FILE* pipe = ::popen(("gzip --decompress --stdout " + path).c_str(), "r");
  char buffer[4096];
  for (std::size_t got; (got = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0;)
    out.append(buffer, got);
  EXPECT_EQ(::pclose(pipe), 0);
  return out;
}

}  // namespace test

namespace {

class LogStoreTest : public testing::Test {
 protected:
  std::string text(std::uint64_t offset = 0, std::size_t limit = 1000) {
    std::string out;
    const auto count = logs.read("b", offset, limit, out);
    EXPECT_TRUE(count.ok());
    EXPECT_EQ(count.value_or(99999), out.size());
    return out;
  }

  std::unique_ptr<MetadataStore> metadata = make_memory_metadata_store();
  LogStore logs{*metadata};
};

TEST_F(LogStoreTest, ReadsFromAnyOffsetAcrossChunks) {
  EXPECT_EQ(logs.size("b").value(), 0U);
  EXPECT_EQ(text(), "");
  EXPECT_EQ(logs.append("b", 0, "hello ", {}).value(), 6U);
  EXPECT_EQ(logs.append("b", 6, "wor", {}).value(), 9U);
  EXPECT_EQ(logs.append("b", 9, "ld", {}).value(), 11U);
  EXPECT_EQ(logs.size("b").value(), 11U);
  const std::string whole = "hello world";
  for (std::size_t offset = 0; offset <= whole.size(); ++offset)
    for (std::size_t limit = 1; limit <= whole.size(); ++limit)
      EXPECT_EQ(text(offset, limit), whole.substr(offset, limit)) << offset << " " << limit;
  EXPECT_EQ(text(12), "");
}

TEST_F(LogStoreTest, TakesNothingTwice) {
  ASSERT_TRUE(logs.append("b", 0, "hello", {}).ok());
  EXPECT_EQ(logs.append("b", 0, "hello", {}).value(), 5U);
  EXPECT_EQ(logs.append("b", 3, "lo world", {}).value(), 11U);
  EXPECT_EQ(text(), "hello world");
  EXPECT_EQ(logs.append("b", 2, "l", {}).value(), 11U);
}

TEST_F(LogStoreTest, RefusesAHoleAndTellsTheSize) {
  ASSERT_TRUE(logs.append("b", 0, "hello", {}).ok());
  const auto hole = logs.append("b", 6, "x", {});
  ASSERT_FALSE(hole.ok());
  EXPECT_EQ(hole.error().code, ErrorCode::range_mismatch);
  EXPECT_THAT(hole.error().message, testing::HasSubstr("5 bytes"));
  EXPECT_EQ(text(), "hello");
}

TEST_F(LogStoreTest, RefusesTooLargeAChunk) {
  EXPECT_EQ(logs.append("b", 0, std::string(max_log_chunk, 'x'), {}).value(), max_log_chunk);
  EXPECT_EQ(logs.append("b", max_log_chunk, std::string(max_log_chunk + 1, 'x'), {}).error().code,
            ErrorCode::too_large);
}

TEST_F(LogStoreTest, AsksTheGuard) {
  const WriteGuard never = [](const ReadView&) -> Result<void> {
    return Error(ErrorCode::conflict, "over");
  };
  EXPECT_EQ(logs.append("b", 0, "x", never).error().code, ErrorCode::conflict);
  EXPECT_EQ(logs.size("b").value(), 0U);
}

TEST_F(LogStoreTest, LinesOfTheServerStandByThemselves) {
  const auto add = [this](std::string_view line) {
    return metadata->write([&](WriteTransaction& transaction) -> Result<void> {
      SLIPWAY_CHECK(logs.append_line(transaction, "b", line));
      return {};
    });
  };
  ASSERT_TRUE(add("first").ok());
  ASSERT_TRUE(logs.append("b", 6, "not ended", {}).ok());
  ASSERT_TRUE(add("second").ok());
  ASSERT_TRUE(add("third").ok());
  EXPECT_EQ(text(), "first\nnot ended\nsecond\nthird\n");
}

TEST_F(LogStoreTest, TellsWhoFollows) {
  test::Told<std::uint64_t> size;
  const auto subscription = metadata->subscribe("build/b", [&] {
    const std::uint64_t now = logs.size("b").value();
    size.change([now](std::uint64_t& value) { value = now; });
  });
  ASSERT_TRUE(logs.append("b", 0, "x", {}).ok());
  EXPECT_EQ(size.wait_until([](std::uint64_t value) { return value > 0; }), 1U);
}

TEST_F(LogStoreTest, ALogThatReachedItsLimitEndsWithALineThatSaysSo) {
  LogStore small(*metadata, nullptr, 20);
  ASSERT_TRUE(small.append("b", 0, "0123456789\n", {}).ok());
  const auto cut = small.append("b", 11, "0123456789\n", {});
  ASSERT_TRUE(cut.ok());
  const std::string whole =
      "0123456789\n012345678\nslipway: the log is cut here: it has reached 20 bytes\n";
  EXPECT_EQ(text(), whole);
  EXPECT_EQ(*cut, whole.size());
  EXPECT_EQ(small.append("b", *cut, "more", {}).error().code, ErrorCode::too_large);
  EXPECT_EQ(text(), whole);
  // What became of the build is told all the same.
  ASSERT_TRUE(metadata
                  ->write([&](WriteTransaction& transaction) -> Result<void> {
                    SLIPWAY_CHECK(small.append_line(transaction, "b", "slipway: failed"));
                    return {};
                  })
                  .ok());
  EXPECT_EQ(text(), whole + "slipway: failed\n");
}

TEST_F(LogStoreTest, TokensOfSlipwayAreMaskedCharacterForCharacterAndColoursStay) {
  const std::string line = "\x1b[31mcurl -u x:slpw_01JDCZ0M4Y7W3Q6S8N2V5X9K1B.1.abcdef\x1b[0m slp_ slpr_short\n";
  ASSERT_EQ(logs.append("b", 0, line, {}).value(), line.size());
  EXPECT_EQ(text(), "\x1b[31mcurl -u x:slpw_" + std::string(35, '*') + "\x1b[0m slp_ slpr_short\n");
}

TEST_F(LogStoreTest, ATokenIsMaskedHoweverItIsCutIntoChunks) {
  const std::string secret = "01JDCZ0M4Y7W3Q6S8N2V5X9K1B.1.abcdef";
  for (const std::string prefix : {"slp_", "slpw_", "slpr_"}) {
    const std::string line = "x:" + prefix + secret + " y\n";
    const std::string masked = "x:" + prefix + std::string(secret.size(), '*') + " y\n";
    for (std::size_t first = 0; first <= line.size(); ++first)
      for (std::size_t second = first; second <= line.size(); ++second) {
        const std::string build = prefix + std::to_string(first) + "-" + std::to_string(second);
        std::uint64_t size = 0;
        for (const std::string& chunk : {line.substr(0, first), line.substr(first, second - first),
                                         line.substr(second)})
          size = logs.append(build, size, chunk, {}).value();
        std::string kept;
        EXPECT_EQ(logs.read(build, 0, 1000, kept).value(), line.size());
        while (kept.size() < line.size() && logs.read(build, kept.size(), 1000, kept).value() > 0) {
        }
        EXPECT_EQ(kept, masked) << first << " " << second;
      }
  }
}

TEST_F(LogStoreTest, WhatIsNoTokenIsNotMaskedBecauseOfWhatStoodBefore) {
  for (const char* chunk : {"slip", "slp", "_x or slp_", " y", "slp_abc", " z\n", "*** 0123456789abcdef\n"})
    ASSERT_TRUE(logs.append("b", logs.size("b").value(), chunk, {}).ok());
  // Only what ended a chunk, and might have gone on, is masked.
  EXPECT_EQ(text(), "slipslp_x or slp_ yslp_*** z\n*** 0123456789abcdef\n");
}

TEST_F(LogStoreTest, AChunkThatIsSentAgainWithMoreIsMaskedWhereItGoesOn) {
  ASSERT_EQ(logs.append("b", 0, "a slpw_01234567", {}).value(), 15U);
  ASSERT_EQ(logs.append("b", 0, "a slpw_0123456789abcdefghij z\n", {}).value(), 30U);
  EXPECT_EQ(text(), "a slpw_" + std::string(20, '*') + " z\n");
}

class ArchivedLogTest : public LogStoreTest {
 protected:
  ArchivedLogTest() {
    // Three pieces, in chunks that do not fit them, with colours and bytes that are no text.
    for (int i = 0; whole_.size() < 2 * 64 * 1024 + 5000; ++i)
      whole_ += "\x1b[32mstep " + std::to_string(i * i) + std::string(1, static_cast<char>(i)) + "\n";
    for (std::size_t at = 0; at < whole_.size(); at += 7001)
      EXPECT_TRUE(archived_.append("b", at, std::string_view(whole_).substr(at, 7001), {}).ok());
    EXPECT_TRUE(archived_.append("c", 0, "another", {}).ok());
  }

  std::string all(std::uint64_t offset, std::size_t limit) {
    std::string out;
    while (true) {
      const auto taken = archived_.read("b", offset + out.size(), limit, out);
      EXPECT_TRUE(taken.ok());
      if (taken.value_or(0) == 0) return out;
    }
  }

  std::unique_ptr<ObjectStore> objects_ = make_memory_object_store();
  ManualClock clock_{*parse_rfc3339("2026-11-24T09:05:03.007Z")};
  BlobStore blobs_{*metadata, *objects_, clock_, {.inline_limit = 1000}};
  LogStore archived_{*metadata, &blobs_};
  std::string whole_;
};

TEST_F(ArchivedLogTest, ReadsAsBefore) {
  EXPECT_EQ(*archived_.in_chunks("", 10), (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(*archived_.in_chunks("b", 10), std::vector<std::string>{"c"});
  ASSERT_EQ(archived_.archive("b").value(), true);
  EXPECT_EQ(archived_.archive("b").value(), false);
  EXPECT_EQ(*archived_.in_chunks("", 10), std::vector<std::string>{"c"});
  EXPECT_EQ(*archived_.all("", 10), (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(archived_.size("b").value(), whole_.size());
  EXPECT_EQ(all(0, 1'000'000), whole_);
  for (const std::size_t offset : {1UL, 65'535UL, 65'536UL, 65'537UL, 131'072UL, whole_.size() - 1})
    EXPECT_EQ(all(offset, 50'000), whole_.substr(offset)) << offset;
  std::string none;
  EXPECT_EQ(archived_.read("b", whole_.size(), 10, none).value(), 0U);
  // Without blobs at hand that is an error and not an empty log.
  EXPECT_EQ(logs.read("b", 0, 10, none).error().code, ErrorCode::unsupported);
}

TEST_F(ArchivedLogTest, TheBlobIsOneGzipFileOfTheWholeLog) {
  EXPECT_FALSE(archived_.open_compressed("b").value().has_value());
  ASSERT_TRUE(archived_.archive("b").ok());
  const auto blob = archived_.open_compressed("b").value();
  ASSERT_TRUE(blob.has_value());
  EXPECT_LT(blob->info.size, whole_.size() / 2);
  EXPECT_EQ(test::gunzip_with_the_tool(*blobs_.read(blob->info.digest, blob->info.size)), whole_);
  EXPECT_FALSE(archived_.open_compressed("c").value().has_value());
}

TEST_F(ArchivedLogTest, ACrashBeforeTheChunksWereGoneIsMadeGood) {
  // The same log again, as it was before its chunks were removed.
  std::vector<std::pair<std::string, std::string>> chunks;
  {
    const auto view = *metadata->snapshot();
    const auto cursor = *view->cursor();
    for (bool there = *cursor->seek("lcb"); there && cursor->key().starts_with("lcb");
         there = *cursor->next())
      chunks.emplace_back(cursor->key(), cursor->value());
  }
  ASSERT_TRUE(archived_.archive("b").ok());
  ASSERT_TRUE(metadata
                  ->write([&](WriteTransaction& transaction) -> Result<void> {
                    for (const auto& [key, value] : chunks)
                      SLIPWAY_CHECK(transaction.put(key, value));
                    return {};
                  })
                  .ok());
  EXPECT_EQ(all(0, 1'000'000), whole_);
  EXPECT_EQ(archived_.in_chunks("", 1).value(), std::vector<std::string>{"b"});
  ASSERT_TRUE(archived_.archive("b").ok());
  EXPECT_EQ(*archived_.in_chunks("", 10), std::vector<std::string>{"c"});
  EXPECT_EQ(all(0, 1'000'000), whole_);
}

TEST_F(ArchivedLogTest, RemovingItLeavesNoRow) {
  ASSERT_TRUE(archived_.archive("b").ok());
  ASSERT_TRUE(metadata
                  ->write([&](WriteTransaction& transaction) {
                    return archived_.remove(transaction, "b");
                  })
                  .ok());
  EXPECT_EQ(archived_.size("b").value(), 0U);
  EXPECT_EQ(*archived_.all("", 10), std::vector<std::string>{"c"});
  const auto view = *metadata->snapshot();
  const auto cursor = *view->cursor();
  EXPECT_TRUE(*cursor->seek("l"));
  EXPECT_EQ(cursor->key().substr(0, 3), "lcc") << "nothing of b, neither la nor lb";
}

TEST_F(LogStoreTest, RemovesOneLogAndNoOther) {
  ASSERT_TRUE(logs.append("b", 0, "one", {}).ok());
  ASSERT_TRUE(logs.append("b", 3, "two", {}).ok());
  ASSERT_TRUE(logs.append("bb", 0, "other", {}).ok());
  ASSERT_TRUE(
      metadata->write([&](WriteTransaction& transaction) { return logs.remove(transaction, "b"); })
          .ok());
  EXPECT_EQ(logs.size("b").value(), 0U);
  EXPECT_EQ(text(), "");
  EXPECT_EQ(logs.size("bb").value(), 5U);
}

}  // namespace
}  // namespace slipway
