#include "json/writer.hpp"

#include <gtest/gtest.h>

#include <random>

#include "json/value.hpp"

namespace slipway::json {
namespace {

TEST(Writer, SeparatesWhatStandsSideBySide) {
  Writer json;
  json.begin_object().key("a").begin_array().string("x").number(5U).number(-3).boolean(true).null();
  json.begin_object().end_object().begin_array().end_array().raw("{\"r\":1}").end_array();
  json.member("b", "y").member_if("left out", "").member_if("c", "z").end_object();
  EXPECT_EQ(json.str(), R"({"a":["x",5,-3,true,null,{},[],{"r":1}],"b":"y","c":"z"})");
}

TEST(Writer, NumbersAreExact) {
  Writer json;
  json.begin_array().number(UINT64_MAX).number(INT64_MIN).end_array();
  EXPECT_EQ(json.str(), "[18446744073709551615,-9223372036854775808]");
}

TEST(Writer, EscapesWhatMustBe) {
  Writer json;
  json.string(std::string_view("a\"b\\c\n\r\t\x01\x1f\x7f/\0d", 14));
  EXPECT_EQ(json.str(), R"("a\"b\\c\n\r\t\u0001\u001f\u007f/\u0000d")");
}

TEST(Writer, WhatIsNotUtf8IsReplaced) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"gr\xC3\xBC\xC3\x9F", "gr\xC3\xBC\xC3\x9F"},
      {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
      {"a\xFFz", "a\xEF\xBF\xBDz"},
      {"\xC3", "\xEF\xBF\xBD"},
      {"\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
  };
  for (const auto& [bytes, text] : cases) {
    Writer json;
    json.string(bytes);
    EXPECT_EQ(json.str(), "\"" + std::string(text) + "\"");
  }
}

TEST(Writer, AnyBytesMakeValidJson) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 5000; ++round) {
    std::string bytes(random() % 12, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    Writer json;
    json.string(bytes);
    const auto document = Document::parse(json.str());
    ASSERT_TRUE(document.ok()) << json.str();
    ASSERT_TRUE(document->root().is_string());
  }
}

}  // namespace
}  // namespace slipway::json
