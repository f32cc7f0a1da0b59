#include "yaml/yaml.hpp"

#include <utility>

#include <yaml-cpp/yaml.h>

#include "support/format.hpp"

namespace slipway::yaml {
namespace {

struct Reader {
  std::string_view name;
  std::size_t nodes_left = 100'000;  // aliases may not multiply without end

  [[nodiscard]] Error mistake(int line, std::string_view what) const {
    return Error(ErrorCode::invalid_argument, slipway::format("{}:{}: {}", name, line, what));
  }

  Result<Node> read(const YAML::Node& from, int depth) {
    Node node;
    node.line = from.Mark().is_null() ? 1 : from.Mark().line + 1;
    if (depth >= max_depth) return mistake(node.line, "nested too deeply");
    if (nodes_left-- == 0) return mistake(node.line, "too many values");
    switch (from.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        return node;
      case YAML::NodeType::Scalar:
        node.kind = Node::Kind::scalar;
        node.scalar = from.Scalar();
        node.quoted = from.Tag() == "!";
        return node;
      case YAML::NodeType::Sequence:
        node.kind = Node::Kind::sequence;
        for (const YAML::Node& item : from) {
          SLIPWAY_TRY(Node read_item, read(item, depth + 1));
          node.items.push_back(std::move(read_item));
        }
        return node;
      case YAML::NodeType::Map:
        return read_mapping(from, std::move(node), depth);
    }
    return mistake(node.line, "a value of an unknown kind");
  }

  Result<Node> read_mapping(const YAML::Node& from, Node node, int depth) {
    node.kind = Node::Kind::mapping;
    for (const auto& member : from) {
      SLIPWAY_TRY(Node key, read(member.first, depth + 1));
      if (key.kind != Node::Kind::scalar) return mistake(key.line, "a key must be a plain text");
      if (node.find(key.scalar) != nullptr)
        return mistake(key.line, slipway::format("{}: given twice", key.scalar));
      SLIPWAY_TRY(Node value, read(member.second, depth + 1));
      // What is not there has no place; yaml-cpp gives it that of what follows.
      if (value.kind == Node::Kind::null) value.line = key.line;
      node.members.push_back({std::move(key), std::move(value)});
    }
    return node;
  }
};

}  // namespace

const Node* Node::find(std::string_view name) const noexcept {
  for (const auto& [key, value] : members)
    if (key.scalar == name) return &value;
  return nullptr;
}

Result<Node> parse(std::string_view text, std::string_view name) {
  if (text.size() > max_document_bytes)
    return Error(ErrorCode::too_large,
                 slipway::format("{}: larger than {} bytes", name, max_document_bytes));
  Reader reader{name};
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
    if (documents.empty()) return Node{};
    SLIPWAY_TRY(Node root, reader.read(documents.front(), 0));
    if (documents.size() == 1) return root;
    SLIPWAY_TRY(const Node second, reader.read(documents[1], 0));
    return reader.mistake(second.line, "a second document; expected one");
  } catch (const YAML::Exception& exception) {
    return reader.mistake(exception.mark.is_null() ? 1 : exception.mark.line + 1, exception.msg);
  }
}

}  // namespace slipway::yaml
