#include "json/value.hpp"

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/format.hpp"

namespace slipway::json {
namespace {

using Node = rapidjson::Value;

// Not kParseFullPrecisionFlag: it counts the leading zero bits of 0 in "0e113".
constexpr unsigned parse_flags =
    rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;

const Node& node_of(const void* pointer) noexcept { return *static_cast<const Node*>(pointer); }

std::string_view text_of(const Node& node) noexcept {
  return {node.GetString(), node.GetStringLength()};
}

/// Hands the reader's events on to a document until a limit is reached.
class LimitedBuilder {
 public:
  using Ch = char;

  LimitedBuilder(rapidjson::Document& out, const Limits& limits) : out_(out), limits_(limits) {}

  bool Null() { return count() && out_.Null(); }
  bool Bool(bool value) { return count() && out_.Bool(value); }
  bool Int(int value) { return count() && out_.Int(value); }
  bool Uint(unsigned value) { return count() && out_.Uint(value); }
  bool Int64(std::int64_t value) { return count() && out_.Int64(value); }
  bool Uint64(std::uint64_t value) { return count() && out_.Uint64(value); }
  bool Double(double value) { return count() && out_.Double(value); }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool copy) {
    return count() && out_.RawNumber(text, size, copy);
  }
  bool String(const char* text, rapidjson::SizeType size, bool copy) {
    return count() && out_.String(text, size, copy);
  }
  bool Key(const char* text, rapidjson::SizeType size, bool copy) {
    return out_.Key(text, size, copy);
  }
  bool StartObject() { return deeper() && out_.StartObject(); }
  bool EndObject(rapidjson::SizeType members) {
    --depth_;
    return out_.EndObject(members);
  }
  bool StartArray() { return deeper() && out_.StartArray(); }
  bool EndArray(rapidjson::SizeType elements) {
    --depth_;
    return out_.EndArray(elements);
  }

  /// Which limit ended the parsing; empty when none did.
  [[nodiscard]] const std::string& exceeded() const noexcept { return exceeded_; }

 private:
  bool count() {
    if (++values_ <= limits_.max_values) return true;
    exceeded_ = slipway::format("JSON with more than {} values", limits_.max_values);
    return false;
  }
  bool deeper() {
    if (++depth_ > limits_.max_depth) {
      exceeded_ = slipway::format("JSON nested deeper than {} levels", limits_.max_depth);
      return false;
    }
    return count();
  }

  rapidjson::Document& out_;
  const Limits& limits_;
  unsigned depth_ = 0;
  std::size_t values_ = 0;
  std::string exceeded_;
};

/// The parse as RapidJSON's Document::Populate wants it.
class Generator {
 public:
  Generator(std::string_view text, const Limits& limits) : text_(text), limits_(limits) {}

  bool operator()(rapidjson::Document& out) {
    LimitedBuilder builder(out, limits_);
    rapidjson::MemoryStream bytes(text_.data(), text_.size());
    rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> stream(bytes);
    rapidjson::Reader reader;
    result_ = reader.Parse<parse_flags>(stream, builder);
    exceeded_ = builder.exceeded();
    // The reader takes a zero byte for the end of its input.
    if (!result_.IsError() && stream.Tell() != text_.size())
      result_.Set(rapidjson::kParseErrorDocumentRootNotSingular, stream.Tell());
    return !result_.IsError();
  }

  [[nodiscard]] Result<void> outcome() const {
    if (!exceeded_.empty()) return Error(ErrorCode::too_large, exceeded_);
    if (result_.IsError())
      return Error(ErrorCode::invalid_argument,
                   slipway::format("malformed JSON at byte {}: {}", result_.Offset(),
                                   rapidjson::GetParseError_En(result_.Code())));
    return {};
  }

 private:
  std::string_view text_;
  const Limits& limits_;
  rapidjson::ParseResult result_;
  std::string exceeded_;
};

/// A key that some object has twice; depth is bounded by the parse.
std::optional<std::string_view> find_repeated_key(const Node& node,
                                                  std::vector<std::string_view>& keys) {
  if (node.IsArray()) {
    for (const Node& element : node.GetArray())
      if (auto repeated = find_repeated_key(element, keys)) return repeated;
    return std::nullopt;
  }
  if (!node.IsObject()) return std::nullopt;
  keys.clear();
  for (const auto& member : node.GetObject()) keys.push_back(text_of(member.name));
  std::sort(keys.begin(), keys.end());
  const auto repeated = std::adjacent_find(keys.begin(), keys.end());
  if (repeated != keys.end()) return *repeated;
  for (const auto& member : node.GetObject())
    if (auto below = find_repeated_key(member.value, keys)) return below;
  return std::nullopt;
}

}  // namespace

struct Document::Tree {
  rapidjson::Document document;
};

Document::Document(std::unique_ptr<Tree> tree) noexcept : tree_(std::move(tree)) {}
Document::~Document() = default;
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;

Result<Document> Document::parse(std::string_view text, const Limits& limits) {
  if (text.size() > limits.max_bytes)
    return Error(ErrorCode::too_large,
                 slipway::format("JSON of {} bytes; at most {} are taken", text.size(),
                                 limits.max_bytes));
  auto tree = std::make_unique<Tree>();
  Generator generator(text, limits);
  tree->document.Populate(generator);
  SLIPWAY_CHECK(generator.outcome());
  std::vector<std::string_view> keys;
  if (const auto repeated = find_repeated_key(tree->document, keys))
    return Error(ErrorCode::invalid_argument,
                 slipway::format("malformed JSON: an object has the key \"{}\" twice",
                                 repeated->substr(0, 100)));
  return Document(std::move(tree));
}

Value Document::root() const noexcept { return Value(static_cast<const Node*>(&tree_->document)); }

Kind Value::kind() const noexcept {
  if (node_ == nullptr) return Kind::missing;
  switch (node_of(node_).GetType()) {
    case rapidjson::kNullType: return Kind::null;
    case rapidjson::kFalseType:
    case rapidjson::kTrueType: return Kind::boolean;
    case rapidjson::kObjectType: return Kind::object;
    case rapidjson::kArrayType: return Kind::array;
    case rapidjson::kStringType: return Kind::string;
    case rapidjson::kNumberType: return Kind::number;
  }
  return Kind::missing;
}

Value::operator bool() const noexcept { return node_ != nullptr && !node_of(node_).IsNull(); }

std::optional<std::string_view> Value::as_string() const noexcept {
  if (node_ == nullptr || !node_of(node_).IsString()) return std::nullopt;
  return text_of(node_of(node_));
}

std::optional<bool> Value::as_bool() const noexcept {
  if (node_ == nullptr || !node_of(node_).IsBool()) return std::nullopt;
  return node_of(node_).GetBool();
}

std::optional<std::uint64_t> Value::as_uint64() const noexcept {
  if (node_ == nullptr || !node_of(node_).IsUint64()) return std::nullopt;
  return node_of(node_).GetUint64();
}

std::optional<std::int64_t> Value::as_int64() const noexcept {
  if (node_ == nullptr || !node_of(node_).IsInt64()) return std::nullopt;
  return node_of(node_).GetInt64();
}

std::optional<double> Value::as_double() const noexcept {
  if (node_ == nullptr || !node_of(node_).IsNumber()) return std::nullopt;
  return node_of(node_).GetDouble();
}

Value Value::find(std::string_view key) const noexcept {
  if (!is_object()) return {};
  for (const auto& member : node_of(node_).GetObject())
    if (text_of(member.name) == key) return Value(&member.value);
  return {};
}

std::size_t Value::size() const noexcept {
  if (is_array()) return node_of(node_).Size();
  if (is_object()) return node_of(node_).MemberCount();
  return 0;
}

Value::Elements Value::elements() const noexcept { return Elements(*this); }
Value::Members Value::members() const noexcept { return Members(*this); }

Value Value::Elements::operator[](std::size_t at) const noexcept {
  return Value(&node_of(array_.node_)[static_cast<rapidjson::SizeType>(at)]);
}

Member Value::Members::operator[](std::size_t at) const noexcept {
  const auto& member = *(node_of(object_.node_).MemberBegin() + static_cast<std::ptrdiff_t>(at));
  return {text_of(member.name), Value(&member.value)};
}

}  // namespace slipway::json
