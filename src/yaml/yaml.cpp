#include "yaml/yaml.hpp"

#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "support/format.hpp"
#include "support/one_line.hpp"

namespace slipway::yaml {
namespace {

struct Mistake {
  int line;
  std::string what;
};

int line_of(const YAML::Mark& mark) { return mark.is_null() ? 1 : mark.line + 1; }

std::size_t count_values(const Node& node) {
  std::size_t count = 1;
  for (const Node& item : node.items) count += count_values(item);
  for (const Member& member : node.members) count += 1 + count_values(member.value);
  return count;
}

/// Builds the one document from what the parser meets, and ends it with a Mistake where a limit is
/// passed. (YAML::LoadAll would go on without end after a stray comma, one empty document after the
/// other.)
class TreeBuilder final : public YAML::EventHandler {
 public:
  Node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (begun_) throw Mistake{line_of(mark), "a second document; expected one"};
    begun_ = true;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(begin(mark, Node::Kind::null), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node = begin(mark, Node::Kind::scalar);
    node.scalar = value;
    node.quoted = tag == "!";
    add(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto named = anchors_.find(anchor);
    if (named == anchors_.end()) throw Mistake{line_of(mark), "a value that contains itself"};
    take_from_budget(count_values(named->second), line_of(mark));
    Node node = named->second;
    node.line = line_of(mark);
    add(std::move(node), 0);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open_.push_back({begin(mark, Node::Kind::sequence), anchor, {}});
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open_.push_back({begin(mark, Node::Kind::mapping), anchor, {}});
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    YAML::anchor_t anchor;
    std::optional<Node> key;  // of a mapping, when its value is next
  };

  void take_from_budget(std::size_t values, int line) {
    if (values > values_left_) throw Mistake{line, "too many values"};
    values_left_ -= values;
  }

  Node begin(const YAML::Mark& mark, Node::Kind kind) {
    Node node;
    node.kind = kind;
    node.line = line_of(mark);
    if (open_.size() >= static_cast<std::size_t>(max_depth))
      throw Mistake{node.line, "nested too deeply"};
    take_from_budget(1, node.line);
    return node;
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    add(std::move(done.node), done.anchor);
  }

  /// A whole value takes its place in what is open.
  void add(Node node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (open_.back().node.kind == Node::Kind::sequence) {
      open_.back().node.items.push_back(std::move(node));
    } else if (!open_.back().key) {
      add_key(std::move(node));
    } else {
      Node key = *std::exchange(open_.back().key, std::nullopt);
      // What is not there has no place; yaml-cpp gives it that of what follows.
      if (node.kind == Node::Kind::null) node.line = key.line;
      open_.back().node.members.push_back({std::move(key), std::move(node)});
    }
  }

  void add_key(Node key) {
    if (key.kind != Node::Kind::scalar) throw Mistake{key.line, "a key must be a plain text"};
    if (open_.back().node.find(key.scalar) != nullptr)
      throw Mistake{key.line, slipway::format("{}: given twice", key.scalar)};
    open_.back().key = std::move(key);
  }

  bool begun_ = false;
  Node root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Node> anchors_;
  std::size_t values_left_ = 100'000;  // aliases may not multiply without end
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
  const auto mistake = [name](int line, std::string_view what) {
    return Error(ErrorCode::invalid_argument, slipway::format("{}:{}: {}", name, line, one_line(what)));
  };
  TreeBuilder tree;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(tree)) continue;
    return tree.take();
  } catch (const Mistake& found) {
    return mistake(found.line, found.what);
  } catch (const YAML::Exception& exception) {
    return mistake(line_of(exception.mark), exception.msg);
  }
}

}  // namespace slipway::yaml
