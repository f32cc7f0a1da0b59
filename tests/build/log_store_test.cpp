#include <slipway/build/log_store.hpp>

#include <slipway/storage/memory_metadata_store.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/build/wait_for.hpp"

namespace slipway {
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
