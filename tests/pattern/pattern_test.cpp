#include "pattern/pattern.hpp"

#include <string>

#include <gtest/gtest.h>

namespace slipway {
namespace {

bool matches(std::string_view expression, std::string_view text) {
  const auto pattern = Pattern::compile(expression);
  EXPECT_TRUE(pattern.ok()) << expression;
  return pattern.ok() && pattern->matches(text);
}

bool glob_matches(std::string_view glob, std::string_view path) {
  const auto pattern = Pattern::compile_glob(glob);
  EXPECT_TRUE(pattern.ok()) << glob;
  return pattern.ok() && pattern->matches(path);
}

TEST(Pattern, MatchesTheWholeText) {
  EXPECT_TRUE(matches("main|release/.*", "main"));
  EXPECT_TRUE(matches("main|release/.*", "release/1.2"));
  EXPECT_FALSE(matches("main|release/.*", "mainline"));
  EXPECT_FALSE(matches("main|release/.*", "domain"));
  EXPECT_FALSE(matches("main|release/.*", "hotfix/release/1.2"));
  EXPECT_TRUE(matches("v[0-9]+\\.[0-9]+", "v1.20"));
  EXPECT_FALSE(matches("v[0-9]+\\.[0-9]+", "v1x20"));
  EXPECT_TRUE(matches(".*", ""));
  EXPECT_TRUE(matches("f.n", "f\xc3\xb6n"));  // one character, two bytes
}

TEST(Pattern, ALineBreakDoesNotHideTheRest) {
  EXPECT_FALSE(matches("main", "main\nevil"));
  EXPECT_FALSE(matches("^main$", "main\n"));
}

TEST(Pattern, WhatDoesNotCompileIsAnErrorThatNamesIt) {
  for (const std::string_view bad : {"(", "[a", "a**", "*", "(?=a)", "\\1", "a{2000}"}) {
    const auto pattern = Pattern::compile(bad);
    ASSERT_FALSE(pattern.ok()) << bad;
    EXPECT_EQ(pattern.error().code, ErrorCode::invalid_argument) << bad;
    EXPECT_NE(pattern.error().message.find(bad), std::string::npos) << pattern.error().message;
  }
}

TEST(Pattern, SizeIsLimitedBeforeAndAfterCompiling) {
  EXPECT_EQ(Pattern::compile(std::string(1001, 'a')).error().code, ErrorCode::too_large);
  EXPECT_EQ(Pattern::compile_glob(std::string(1001, 'a')).error().code, ErrorCode::too_large);
  EXPECT_EQ(Pattern::compile("((\\pL{100}){100}){9}").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(Pattern::compile("(\\pL{30}){30}").error().code, ErrorCode::too_large);
}

// Each of these takes an engine that backtracks longer than the age of the universe.
TEST(Pattern, NothingBacktracks) {
  std::string text(100'000, 'a');
  text.push_back('!');
  for (const std::string_view evil :
       {"(a+)+", "([a-zA-Z]+)*", "(a|aa)+", "(a|a?)+", "(.*a){20}", "(x+x+)+y"})
    EXPECT_FALSE(matches(evil, text)) << evil;
  EXPECT_FALSE(glob_matches("**a**a**a**a**a**a**a**a**a**b", text));
}

TEST(Glob, Table) {
  struct Row {
    std::string_view glob;
    std::string_view path;
    bool match;
  };
  constexpr Row rows[] = {
      {"src/**", "src/main.c", true},
      {"src/**", "src/deep/er/main.c", true},
      {"src/**", "src", false},
      {"src/**", "test/src/main.c", false},
      {"*.md", "README.md", true},
      {"*.md", "docs/README.md", false},
      {"**/*.md", "README.md", true},
      {"**/*.md", "docs/a/README.md", true},
      {"**/*.md", "docs/READMExmd", false},
      {"docs/*/x", "docs/a/x", true},
      {"docs/*/x", "docs/a/b/x", false},
      {"docs/**/x", "docs/x", true},
      {"docs/**/x", "docs/a/b/x", true},
      {"file?.txt", "file1.txt", true},
      {"file?.txt", "file/.txt", false},
      {"file?.txt", "file.txt", false},
      {"a.c", "abc", false},
      {"a[b]", "a[b]", true},
      {"a[b]", "ab", false},
      {"Dockerfile", "Dockerfile", true},
      {"**", "anything/at/all", true},
      {"**", "line\nbreak", true},
      {"(a|b)+", "(a|b)+", true},
      {"", "", true},
  };
  for (const Row& row : rows)
    EXPECT_EQ(glob_matches(row.glob, row.path), row.match) << row.glob << " ~ " << row.path;
}

}  // namespace
}  // namespace slipway
