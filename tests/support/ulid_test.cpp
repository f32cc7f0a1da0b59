#include <slipway/support/ulid.hpp>

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

namespace slipway {
namespace {

using namespace std::chrono_literals;

// The pair of time and text that the ULID specification's reference implementation tests with.
constexpr std::string_view known = "01ARYZ6S41TSV4RRFFQ69G5FAV";
constexpr Timestamp known_time(1'469'918'176'385ms);

TEST(Ulid, CarriesItsTime) {
  EXPECT_EQ(ulid_time(known), known_time);
  const std::string made = make_ulid(known_time + 30 * 365 * 24h);
  ASSERT_TRUE(is_ulid(made)) << made;
  EXPECT_EQ(ulid_time(made), known_time + 30 * 365 * 24h);
}

TEST(Ulid, Grammar) {
  EXPECT_TRUE(is_ulid("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"));
  for (const char* text : {"", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "01ARYZ6S41TSV4RRFFQ69G5FA",
                           "01ARYZ6S41TSV4RRFFQ69G5FAVX", "01aryz6s41tsv4rrffq69g5fav",
                           "01ARYZ6S41TSV4RRFFQ69G5FAI", "01ARYZ6S41TSV4RRFFQ69G5FAU"})
    EXPECT_FALSE(is_ulid(text)) << text;
}

TEST(Ulid, AscendWithinAMillisecondAndWhenTheClockGoesBack) {
  const Timestamp start = known_time + 50 * 365 * 24h;
  std::string last = make_ulid(start);
  for (int i = 0; i < 1000; ++i) {
    const std::string next = make_ulid(start - i * 1ms);
    ASSERT_LT(last, next);
    last = next;
  }
}

TEST(Ulid, ThreadsNeverShareOne) {
  std::vector<std::vector<std::string>> made(8);
  std::vector<std::thread> threads;
  for (auto& mine : made)
    threads.emplace_back([&mine] {
      for (int i = 0; i < 500; ++i) mine.push_back(make_ulid(known_time));
    });
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> all;
  for (const auto& mine : made) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 8U * 500U);
}

}  // namespace
}  // namespace slipway
