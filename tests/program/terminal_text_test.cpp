#include "program/terminal_text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace slipway {
namespace {

std::string passed(bool colours, std::string_view text) {
  TerminalText filter(colours);
  std::string out = filter.pass(text);
  return out + filter.finish();
}

TEST(TerminalText, ColoursStayOnATerminalOnly) {
  const std::string line = "\x1b[1;32mok\x1b[0m gr\xc3\xbc\xc3\x9f" "e\t1\r\n\x1b[38;5;196mred\x1b[m\n";
  EXPECT_EQ(passed(true, line), line);
  EXPECT_EQ(passed(false, line), "ok gr\xc3\xbc\xc3\x9f" "e\t1\r\nred\n");
}

TEST(TerminalText, WhatSteersATerminalGoes) {
  for (const std::string& hostile :
       {std::string("\x1b[2J"), std::string("\x1b[10;10H"), std::string("\x1b]0;title\a"),
        std::string("\x1b]8;;https://x\x1b\\"), std::string("\x1bP+q544e\x1b\\"), std::string("\x1b[6n"),
        std::string("\x1b" "c"), std::string("\x1b(0"), std::string("\a\b\f\v"), std::string("\x1b[?25l"),
        std::string("\x1b[>c"), std::string("\x1b[1 q"), std::string(1, '\0'), std::string("\x7f")})
    for (const bool colours : {true, false})
      EXPECT_EQ(passed(colours, "a" + hostile + "b\n"), "ab\n") << hostile.substr(1);
}

TEST(TerminalText, SequencesMayBeCutAnywhere) {
  const std::string text = "a\x1b[31mb\x1b]0;t\x1b\\c\x1b[0md\n";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    TerminalText filter(true);
    std::string out = filter.pass(std::string_view(text).substr(0, cut));
    out += filter.pass(std::string_view(text).substr(cut));
    EXPECT_EQ(out + filter.finish(), "a\x1b[31mbc\x1b[0md\n") << cut;
  }
}

TEST(TerminalText, ColoursThatWereLeftOnEndWithTheText) {
  EXPECT_EQ(passed(true, "\x1b[31mred"), "\x1b[31mred\x1b[0m");
  EXPECT_EQ(passed(true, "\x1b[31mred\x1b[0m"), "\x1b[31mred\x1b[0m");
  EXPECT_EQ(passed(false, "\x1b[31mred"), "red");
  EXPECT_EQ(passed(true, "\x1b[" + std::string(1000, '1') + "mx"), "x");
}

}  // namespace
}  // namespace slipway
