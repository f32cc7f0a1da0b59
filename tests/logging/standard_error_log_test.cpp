#include "logging/standard_error_log.hpp"

#include <slipway/core/timestamp.hpp>

#include <algorithm>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace slipway {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(StandardErrorLog, ALineIsTimeLevelEventAndFields) {
  testing::internal::CaptureStderr();
  make_standard_error_log()->warning("backend lost", {{"backend", "local"}});
  const std::string text = testing::internal::GetCapturedStderr();
  const std::regex expected(
      R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warning backend lost backend=local\n)");
  EXPECT_TRUE(std::regex_match(text, expected)) << text;
}

TEST(StandardErrorLog, TheTimeIsUtcWhateverTheZone) {
  setenv("TZ", "Pacific/Kiritimati", 1);  // 14 hours ahead
  tzset();
  const std::string before = to_rfc3339(std::chrono::floor<std::chrono::milliseconds>(
      std::chrono::system_clock::now()));
  testing::internal::CaptureStderr();
  make_standard_error_log()->info("e");
  const std::string text = testing::internal::GetCapturedStderr();
  const std::string after = to_rfc3339(std::chrono::floor<std::chrono::milliseconds>(
      std::chrono::system_clock::now()));
  unsetenv("TZ");
  tzset();
  EXPECT_LE(before, text.substr(0, before.size()));
  EXPECT_GE(after, text.substr(0, after.size()));
}

TEST(StandardErrorLog, EventsBelowTheLeastLevelAreLeftOut) {
  testing::internal::CaptureStderr();
  const auto log = make_standard_error_log(LogLevel::warning);
  log->debug("one");
  log->info("two");
  log->warning("three");
  log->error("four");
  const auto lines = lines_of(testing::internal::GetCapturedStderr());
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_TRUE(lines[0].ends_with("Z warning three")) << lines[0];
  EXPECT_TRUE(lines[1].ends_with("Z error four")) << lines[1];
}

TEST(StandardErrorLog, TellsWhatItTakes) {
  const auto log = make_standard_error_log(LogLevel::warning);
  EXPECT_FALSE(log->enabled(LogLevel::debug));
  EXPECT_FALSE(log->enabled(LogLevel::info));
  EXPECT_TRUE(log->enabled(LogLevel::warning));
  EXPECT_TRUE(log->enabled(LogLevel::error));
}

TEST(StandardErrorLog, LinesOfThreadsAreWholeAndNoneIsLost) {
  constexpr int threads = 4;
  constexpr int each = 200;
  const std::string value(300, 'x');
  testing::internal::CaptureStderr();
  {
    const auto log = make_standard_error_log();
    std::vector<std::jthread> writers;
    for (int i = 0; i < threads; ++i)
      writers.emplace_back([&] {
        for (int n = 0; n < each; ++n) log->info("e", {{"v", value}});
      });
  }
  const auto lines = lines_of(testing::internal::GetCapturedStderr());
  EXPECT_EQ(lines.size(), std::size_t{threads} * each);
  EXPECT_TRUE(std::all_of(lines.begin(), lines.end(), [&](const std::string& line) {
    return line.size() == 24 + std::string(" info e v=").size() + value.size() &&
           line.ends_with(" info e v=" + value);
  }));
}

}  // namespace
}  // namespace slipway
