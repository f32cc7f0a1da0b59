// Compact tables for people: columns as wide as their widest cell, two spaces apart.
//
// Thread safety: none.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

/// The text without what could steer a terminal or break a line: control characters are spaces.
std::string on_one_line(std::string_view text);

class Table {
 public:
  Table(std::initializer_list<std::string> heads) : rows_{heads} {}

  /// As many cells as heads.
  void add(std::vector<std::string> cells);

  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace slipway
