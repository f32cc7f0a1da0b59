#include "json/value.hpp"

#include <gtest/gtest.h>

#include "json/object_reader.hpp"

namespace slipway::json {
namespace {

// The examples of RFC 8259 section 13.
constexpr std::string_view image_example = R"({
  "Image": {
    "Width":  800, "Height": 600, "Title":  "View from 15th Floor",
    "Thumbnail": {"Url": "http://www.example.com/image/481989943", "Height": 125, "Width":  100},
    "Animated" : false, "IDs": [116, 943, 234, 38793]
  }
})";

TEST(Document, ExampleOfTheRfc) {
  const auto document = Document::parse(image_example);
  ASSERT_TRUE(document.ok());
  const Value image = document->root().find("Image");
  EXPECT_EQ(image.find("Width").as_uint64(), 800U);
  EXPECT_EQ(image.find("Title").as_string(), "View from 15th Floor");
  EXPECT_EQ(image.find("Animated").as_bool(), false);
  EXPECT_EQ(image.find("Thumbnail").find("Url").text(), "http://www.example.com/image/481989943");
  std::vector<std::uint64_t> ids;
  for (const Value id : image.find("IDs").elements()) ids.push_back(id.as_uint64().value_or(0));
  EXPECT_EQ(ids, (std::vector<std::uint64_t>{116, 943, 234, 38793}));
  std::string keys;
  for (const auto [key, value] : image.members()) keys += std::string(key) + " ";
  EXPECT_EQ(keys, "Width Height Title Thumbnail Animated IDs ");
}

TEST(Document, KindsAreNotConfused) {
  const auto document = Document::parse(
      R"({"n": null, "s": "1", "big": 18446744073709551615, "neg": -1, "f": 1.5, "e": [], "o": {}})");
  ASSERT_TRUE(document.ok());
  const Value root = document->root();
  EXPECT_FALSE(bool(root.find("n")));
  EXPECT_EQ(root.find("n").kind(), Kind::null);
  EXPECT_EQ(root.find("absent").kind(), Kind::missing);
  EXPECT_EQ(root.find("s").as_uint64(), std::nullopt);
  EXPECT_EQ(root.find("big").as_uint64(), UINT64_MAX);
  EXPECT_EQ(root.find("big").as_int64(), std::nullopt);
  EXPECT_EQ(root.find("neg").as_uint64(), std::nullopt);
  EXPECT_EQ(root.find("neg").as_int64(), -1);
  EXPECT_EQ(root.find("f").as_uint64(), std::nullopt);
  EXPECT_EQ(root.find("f").as_double(), 1.5);
  EXPECT_EQ(root.find("e").find("x").find("y").kind(), Kind::missing);
  EXPECT_EQ(root.find("o").elements().size(), 0U);
  EXPECT_EQ(root.find("s").members().size(), 0U);
}

TEST(Document, EscapesAndUnicode) {
  const auto document = Document::parse(R"(["\u0041\n\"\\\/", "\uD83D\uDE00", "a\u0000b"])");
  ASSERT_TRUE(document.ok());
  EXPECT_EQ(document->root().elements()[0].text(), "A\n\"\\/");
  EXPECT_EQ(document->root().elements()[1].text(), "\xF0\x9F\x98\x80");
  EXPECT_EQ(document->root().elements()[2].text(), std::string_view("a\0b", 3));
}

TEST(Document, MalformedTextIsRefused) {
  for (const std::string_view text :
       {"", " ", "{", "[1,]", "{\"a\":}", "{a:1}", "[1] x", "nul", "\"\\x\"", "\"\\uD800\"", "01", "1.",
        "+1", "'a'", "[1 2]", "{\"a\":1,}", "\"\x01\"", "\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"",
        "// c\n1", "NaN"}) {
    const auto document = Document::parse(text);
    ASSERT_FALSE(document.ok()) << text;
    EXPECT_EQ(document.error().code, ErrorCode::invalid_argument) << text;
  }
}

// What a fuzzer found: zero has no highest bit, which the library's exact reading looks for.
TEST(Document, ZeroWithAnExponent) {
  for (const std::string_view text : {"0e113", "0e-300", "0.0e5", "-0E30"}) {
    const auto document = Document::parse(text);
    ASSERT_TRUE(document.ok()) << text;
    EXPECT_EQ(document->root().as_double(), 0.0) << text;
  }
}

TEST(Document, AZeroByteIsNotTheEnd) {
  for (const std::string_view text :
       {std::string_view("{}\0", 3), std::string_view("{}\0{}", 5), std::string_view("{} \0", 4),
        std::string_view("[1\0]", 4), std::string_view("[\"a\0\"]", 6), std::string_view("\0", 1)}) {
    const auto document = Document::parse(text);
    ASSERT_FALSE(document.ok());
    EXPECT_EQ(document.error().code, ErrorCode::invalid_argument);
  }
  EXPECT_FALSE(Document::parse(std::string_view()).ok());
}

TEST(Document, TheSameKeyTwiceIsRefused) {
  EXPECT_FALSE(Document::parse(R"({"a": 1, "a": 2})").ok());
  EXPECT_FALSE(Document::parse(R"([{"x": {"b": 1, "c": 1, "b": 1}}])").ok());
  EXPECT_FALSE(Document::parse("{\"a\": 1, \"\\u0061\": 2}").ok());
  EXPECT_TRUE(Document::parse(R"([{"a": 1}, {"a": 2}])").ok());
}

TEST(Document, LimitsHold) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(Document::parse(nested(64)).ok());
  for (const std::size_t depth : {65U, 100'000U, 2'000'000U}) {
    const auto document = Document::parse(nested(depth));
    ASSERT_FALSE(document.ok());
    EXPECT_EQ(document.error().code, ErrorCode::too_large);
  }
  EXPECT_TRUE(Document::parse("[1,2,3]", {.max_values = 4}).ok());
  EXPECT_EQ(Document::parse("[1,2,3,4]", {.max_values = 4}).error().code, ErrorCode::too_large);
  EXPECT_TRUE(Document::parse("[1,2]", {.max_bytes = 5}).ok());
  EXPECT_EQ(Document::parse("[1,2] ", {.max_bytes = 5}).error().code, ErrorCode::too_large);
}

struct Layer {
  std::string digest;
  unsigned size = 0;
};

Result<Layer> read_layer(std::string_view text) {
  auto document = Document::parse(text);
  if (!document) return document.error();
  Layer layer;
  ObjectReader object(document->root(), "layers[2]");
  object.require("digest", layer.digest);
  object.read("size", layer.size);
  SLIPWAY_CHECK(object.finish(ObjectReader::Unknown::refused));
  return layer;
}

TEST(ObjectReader, MistakesNameTheField) {
  EXPECT_EQ(read_layer(R"({"digest": "x", "size": 3})")->size, 3U);
  EXPECT_EQ(read_layer(R"({"digest": "x", "size": null})")->size, 0U);
  const std::pair<std::string_view, std::string_view> mistakes[] = {
      {"{}", "layers[2].digest: is missing"},
      {R"({"digest": null})", "layers[2].digest: is missing"},
      {R"({"digest": 7})", "layers[2].digest: expected a string, got a number"},
      {R"({"digest": "x", "size": -1})",
       "layers[2].size: expected a whole number from 0, of at most 32 bits, got a number"},
      {R"({"digest": "x", "size": "big"})",
       "layers[2].size: expected a whole number from 0, of at most 32 bits, got \"big\""},
      {R"({"digest": "x", "sise": 1})",
       "layers[2].sise: is not known here; remove it, or check its spelling"},
      {"[]", "layers[2]: expected an object, got an array"},
  };
  for (const auto& [text, message] : mistakes) {
    const auto layer = read_layer(text);
    ASSERT_FALSE(layer.ok()) << text;
    EXPECT_EQ(layer.error(), Error(ErrorCode::invalid_argument, std::string(message)));
  }
}

TEST(ObjectReader, ListsAndMaps) {
  const auto document = Document::parse(R"({"tags": ["a", "b"], "args": {"K": "V"}, "bad": ["a", 1]})");
  std::vector<std::string> tags{"default"};
  std::vector<std::string> kept{"default"};
  std::map<std::string, std::string> args;
  ObjectReader object(document->root(), "");
  object.read("tags", tags);
  object.read("absent", kept);
  object.read("args", args);
  EXPECT_TRUE(object.finish().ok());
  EXPECT_EQ(tags, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(kept, (std::vector<std::string>{"default"}));
  EXPECT_EQ(args.at("K"), "V");
  object.read("bad", kept);
  EXPECT_EQ(object.finish().error().message, "bad[1]: expected a string, got a number");
}

}  // namespace
}  // namespace slipway::json
