#include "logging/line.hpp"

#include <string>
#include <vector>

namespace slipway {
namespace {

std::string line(std::string_view event, const std::vector<LogField>& fields) {
  return format_log_line(event, fields);
}

TEST(LogLine, PlainValuesStandBare) {
  EXPECT_EQ(line("build leased", {{"build", "01JDCZ0M"}, {"peer", "127.0.0.1:40112"}}),
            "build leased build=01JDCZ0M peer=127.0.0.1:40112");
}

TEST(LogLine, AnEventNeedsNoFields) { EXPECT_EQ(line("draining", {}), "draining"); }

TEST(LogLine, ValuesWithSpacesEqualSignsOrNothingAreQuoted) {
  EXPECT_EQ(line("e", {{"a", "two words"}, {"b", "x=y"}, {"c", ""}}),
            R"(e a="two words" b="x=y" c="")");
}

TEST(LogLine, QuotesAndBackslashesAreEscaped) {
  EXPECT_EQ(line("e", {{"a", R"(say "hi" \o/)"}}), R"(e a="say \"hi\" \\o/")");
}

TEST(LogLine, ALineBreakForgesNoLine) {
  EXPECT_EQ(line("e", {{"path", "/v2/\n2026-11-24T09:05:03.007Z error forged"}}),
            R"(e path="/v2/\n2026-11-24T09:05:03.007Z error forged")");
  EXPECT_EQ(line("a\nb", {}), R"(a\nb)");
}

TEST(LogLine, ATerminalIsNotSteered) {
  EXPECT_EQ(line("e", {{"a", "\x1b[2J\t\r\x7f"}}), R"(e a="\x1b[2J\t\r\x7f")");
  // U+009B (the eight-bit CSI) and U+202E (right-to-left override), as UTF-8.
  EXPECT_EQ(line("e", {{"a", "\xc2\x9b \xe2\x80\xae"}}), R"(e a="\xc2\x9b \xe2\x80\xae")");
  EXPECT_EQ(line("e", {{"a", std::string("nul\0", 4)}}), R"(e a="nul\x00")");
}

}  // namespace
}  // namespace slipway
