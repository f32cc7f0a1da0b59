#include "yaml/yaml.hpp"

#include <string>

namespace slipway::yaml {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

Node good(std::string_view text) {
  auto node = parse(text, "f.yaml");
  EXPECT_TRUE(node.ok()) << (node ? "" : node.error().message);
  return node ? *node : Node{};
}

Error bad(std::string_view text) {
  const auto node = parse(text, "f.yaml");
  EXPECT_FALSE(node.ok()) << text;
  return node ? Error(ErrorCode::internal, "no error") : node.error();
}

TEST(Yaml, AMappingKeepsItsOrderAndKnowsItsLines) {
  const Node root = good("b: 1\na:\n  - x\n  - {c: y}\n");
  ASSERT_EQ(root.kind, Node::Kind::mapping);
  ASSERT_EQ(root.members.size(), 2U);
  EXPECT_EQ(root.members[0].key.scalar, "b");
  EXPECT_EQ(root.members[0].value.scalar, "1");
  EXPECT_EQ(root.members[1].key.line, 2);
  const Node* a = root.find("a");
  ASSERT_NE(a, nullptr);
  ASSERT_EQ(a->kind, Node::Kind::sequence);
  ASSERT_EQ(a->items.size(), 2U);
  EXPECT_EQ(a->items[0].scalar, "x");
  EXPECT_EQ(a->items[0].line, 3);
  const Node* c = a->items[1].find("c");
  ASSERT_NE(c, nullptr);
  EXPECT_EQ(c->scalar, "y");
  EXPECT_EQ(c->line, 4);
  EXPECT_EQ(root.find("nothing"), nullptr);
}

TEST(Yaml, JsonIsYaml) {
  const Node root = good(R"({"listen": "127.0.0.1:0", "builds": {"backends": [{"slots": 2}]}})");
  EXPECT_EQ(root.find("listen")->scalar, "127.0.0.1:0");
  EXPECT_EQ(root.find("builds")->find("backends")->items.at(0).find("slots")->scalar, "2");
}

TEST(Yaml, QuotesAreTold) {
  const Node root = good("a: '5'\nb: 5\nc: \"5\"\n");
  EXPECT_TRUE(root.find("a")->quoted);
  EXPECT_FALSE(root.find("b")->quoted);
  EXPECT_TRUE(root.find("c")->quoted);
}

TEST(Yaml, NothingIsNull) {
  EXPECT_EQ(good("").kind, Node::Kind::null);
  EXPECT_EQ(good("# a comment\n").kind, Node::Kind::null);
  EXPECT_EQ(good("a:\n").find("a")->kind, Node::Kind::null);
  EXPECT_EQ(good("a: ~\n").find("a")->kind, Node::Kind::null);
}

TEST(Yaml, AnAliasIsWhatItNames) {
  const Node root = good("a: &x {k: v}\nb: *x\n");
  EXPECT_EQ(root.find("b")->find("k")->scalar, "v");
  EXPECT_EQ(root.find("b")->line, 2);
}

TEST(Yaml, ASyntaxErrorNamesItsLine) {
  EXPECT_EQ(bad("a: 1\nb: [1, 2\nc: 3\n").code, ErrorCode::invalid_argument);
  EXPECT_THAT(bad("a: 1\nb: [1, 2\nc: 3\n").message, StartsWith("f.yaml:"));
  EXPECT_THAT(bad("a: 1\n\tb: 2\n").message, StartsWith("f.yaml:2: "));
  EXPECT_THAT(bad("a: b: c\n").message, StartsWith("f.yaml:1: "));
  EXPECT_THAT(bad("ok: 1\na: *nowhere\n").message, StartsWith("f.yaml:2: "));
}

TEST(Yaml, AKeyTwiceIsAMistakeOnItsSecondLine) {
  EXPECT_EQ(bad("a: 1\nb: 2\na: 3\n").message, "f.yaml:3: a: given twice");
  EXPECT_EQ(bad("x:\n  a: 1\n  a: 1\n").message, "f.yaml:3: a: given twice");
}

TEST(Yaml, AMistakeIsOneLine) {
  EXPECT_EQ(bad("\"a\\nb\": 1\n\"a\\nb\": 2\n").message, "f.yaml:2: a?b: given twice");
  EXPECT_EQ(bad("a: *\"b\nc\"\n").message.find('\n'), std::string::npos);
}

TEST(Yaml, AKeyIsAText) {
  EXPECT_EQ(bad("? [1, 2]\n: x\n").message, "f.yaml:1: a key must be a plain text");
}

TEST(Yaml, ASecondDocumentIsAMistake) {
  EXPECT_EQ(bad("a: 1\n---\na: 2\n").message, "f.yaml:2: a second document; expected one");
  // Which yaml-cpp reads as empty documents without end.
  EXPECT_EQ(bad(",\n").message, "f.yaml:1: a second document; expected one");
}

TEST(Yaml, DepthIsLimited) {
  std::string text;
  for (int i = 0; i < max_depth; ++i) text += '[';
  const std::string ends(static_cast<std::size_t>(max_depth), ']');
  EXPECT_TRUE(parse(text + ends, "f.yaml").ok());
  EXPECT_THAT(bad("[" + text + ends + "]").message, HasSubstr("nested too deeply"));
}

TEST(Yaml, DepthIsLimitedBeforeTheParserRecurses) {
  const std::string open(std::size_t{500'000}, '[');
  EXPECT_EQ(bad(open).code, ErrorCode::invalid_argument);
  const std::string braces = [] {
    std::string text;
    for (int i = 0; i < 200'000; ++i) text += "{a: ";
    return text;
  }();
  EXPECT_EQ(bad(braces).code, ErrorCode::invalid_argument);
  std::string dashes;
  for (int i = 0; i < 400'000; ++i) dashes += "- ";
  EXPECT_EQ(bad(dashes + "x").code, ErrorCode::invalid_argument);
}

TEST(Yaml, AliasesDoNotMultiplyWithoutEnd) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int n = 0; n < 10; ++n) text.append(n == 0 ? "" : ", ").append(before);
    text += "]\n";
  }
  EXPECT_THAT(bad(text).message, HasSubstr("too many values"));
}

TEST(Yaml, AnAliasOfItselfEnds) {
  EXPECT_EQ(bad("a: &a [*a]\n").code, ErrorCode::invalid_argument);
}

TEST(Yaml, SizeIsLimited) {
  const auto node = parse(std::string(max_document_bytes + 1, ' '), "f.yaml");
  ASSERT_FALSE(node.ok());
  EXPECT_EQ(node.error().code, ErrorCode::too_large);
}

TEST(Yaml, BytesThatAreNoTextAreAMistakeOrAText) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text = std::string("a: x") + static_cast<char>(byte) + "y\n";
    (void)parse(text, "f.yaml");  // whatever it is, it is decided without a crash
  }
}

}  // namespace
}  // namespace slipway::yaml
