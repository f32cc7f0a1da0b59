// PersistentMap: an ordered map whose copies are free and stay as they are.
//
// It is a treap (Seidel and Aragon, "Randomized Search Trees", 1996) of immutable nodes; a change
// copies the path to the node, O(log n), and shares the rest. A node's priority is a hash of its
// key, so that the shape depends on the keys only.
//
// Thread safety: as a std::shared_ptr: different copies may be used from different threads.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace slipway {

class PersistentMap {
 public:
  struct Entry {
    std::string key;
    std::string value;
  };
  using EntryPointer = std::shared_ptr<const Entry>;

  /// Each answers nullptr when there is none.
  [[nodiscard]] EntryPointer find(std::string_view key) const {
    EntryPointer entry = at_or_above(key);
    return entry && entry->key == key ? entry : nullptr;
  }
  [[nodiscard]] EntryPointer at_or_above(std::string_view key) const {
    return first_where([key](std::string_view other) { return other >= key; });
  }
  [[nodiscard]] EntryPointer above(std::string_view key) const {
    return first_where([key](std::string_view other) { return other > key; });
  }
  [[nodiscard]] EntryPointer below(std::string_view key) const {
    const Node* best = nullptr;
    for (const Node* node = root_.get(); node != nullptr;) {
      const bool is_below = node->entry->key < key;
      if (is_below) best = node;
      node = (is_below ? node->right : node->left).get();
    }
    return best != nullptr ? best->entry : nullptr;
  }

  void put(std::string_view key, std::string_view value) {
    root_ = inserted(root_, std::make_shared<Entry>(Entry{std::string(key), std::string(value)}));
  }

  /// True when the key was there.
  bool erase(std::string_view key) {
    if (!find(key)) return false;
    root_ = erased(root_, key);
    return true;
  }

 private:
  struct Node;
  using Link = std::shared_ptr<const Node>;

  struct Node {
    EntryPointer entry;
    std::size_t priority;
    Link left;
    Link right;
  };

  /// REQUIRES: `matches` is false up to some key and true from there on.
  template <class Matches>
  [[nodiscard]] EntryPointer first_where(Matches matches) const {
    const Node* best = nullptr;
    for (const Node* node = root_.get(); node != nullptr;) {
      const bool match = matches(std::string_view(node->entry->key));
      if (match) best = node;
      node = (match ? node->left : node->right).get();
    }
    return best != nullptr ? best->entry : nullptr;
  }

  static Link with(const Node& node, Link left, Link right) {
    return std::make_shared<Node>(
        Node{node.entry, node.priority, std::move(left), std::move(right)});
  }

  static Link inserted(const Link& node, EntryPointer entry) {
    if (!node) {
      const std::size_t priority = std::hash<std::string_view>()(entry->key);
      return std::make_shared<Node>(Node{std::move(entry), priority, nullptr, nullptr});
    }
    const int order = entry->key.compare(node->entry->key);
    if (order == 0)
      return std::make_shared<Node>(
          Node{std::move(entry), node->priority, node->left, node->right});
    if (order < 0) {
      Link left = inserted(node->left, std::move(entry));
      if (left->priority <= node->priority) return with(*node, std::move(left), node->right);
      return with(*left, left->left, with(*node, left->right, node->right));
    }
    Link right = inserted(node->right, std::move(entry));
    if (right->priority <= node->priority) return with(*node, node->left, std::move(right));
    return with(*right, with(*node, node->left, right->left), right->right);
  }

  static Link merged(const Link& low, const Link& high) {
    if (!low) return high;
    if (!high) return low;
    if (low->priority >= high->priority) return with(*low, low->left, merged(low->right, high));
    return with(*high, merged(low, high->left), high->right);
  }

  /// REQUIRES: the key is there.
  static Link erased(const Link& node, std::string_view key) {
    const int order = key.compare(node->entry->key);
    if (order == 0) return merged(node->left, node->right);
    if (order < 0) return with(*node, erased(node->left, key), node->right);
    return with(*node, node->left, erased(node->right, key));
  }

  Link root_;
};

}  // namespace slipway
