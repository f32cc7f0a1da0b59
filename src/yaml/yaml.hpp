// YAML as a tree of plain values that know their lines, so that a mistake in a configuration can be
// told with its place.
//
// yaml-cpp parses (src/yaml is the only folder that includes it). Anchors and tags other than the
// core schema's are resolved by it; a document is limited in size and depth.
//
// Thread safety: plain values and pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/result.hpp>

namespace slipway::yaml {

struct Member;

struct Node {
  enum class Kind { null, scalar, sequence, mapping };

  Kind kind = Kind::null;
  int line = 1;  // from 1
  std::string scalar;
  bool quoted = false;  // the scalar stood in quotes: "5" is a text, 5 a number
  std::vector<Node> items;
  std::vector<Member> members;  // in the file's order

  /// The member of that name; null when there is none.
  [[nodiscard]] const Node* find(std::string_view name) const noexcept;
};

struct Member {
  Node key;  // a scalar
  Node value;
};

inline constexpr std::size_t max_document_bytes = std::size_t{1} << 20U;
inline constexpr int max_depth = 32;  // of values in each other

/// One document. Errors: invalid_argument, the message beginning with "<name>:<line>: "; too_large.
Result<Node> parse(std::string_view text, std::string_view name);

}  // namespace slipway::yaml
