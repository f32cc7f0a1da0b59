// Section: one mapping of the configuration while it is read.
//
// Each `read` takes a key if it is there and leaves the default if not; `finish` refuses what
// nobody took. The first mistake wins and ends the reading; until `finish` the others do nothing.
//
// Thread safety: none.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/result.hpp>

#include "yaml/yaml.hpp"

namespace slipway {

/// Where a value stands: the file, and the path of keys to it.
struct ConfigPlace {
  std::string_view file;
  std::string path;

  [[nodiscard]] ConfigPlace member(std::string_view name) const;
  [[nodiscard]] ConfigPlace item(std::size_t index) const;
};

/// `file:line: path: expected <expected>, got <what stands there>`.
Error config_mistake(const ConfigPlace& place, const yaml::Node& node, std::string_view expected);

class Section {
 public:
  /// `node` must outlive the section. A null node is an empty mapping.
  Section(const yaml::Node& node, ConfigPlace place);

  /// Calls `read` with the key's value when it is there.
  using Read = std::function<Result<void>(const yaml::Node&, const ConfigPlace&)>;
  void read(std::string_view key, const Read& read);

  void read(std::string_view key, std::string& out);
  void read(std::string_view key, std::chrono::milliseconds& out);
  void read_seconds(std::string_view key, std::chrono::seconds& out);
  void read_bytes(std::string_view key, std::uint64_t& out);
  /// A whole number above 0.
  void read_count(std::string_view key, unsigned& out);
  /// A whole number, 0 too.
  void read_count_or_none(std::string_view key, unsigned& out);

  /// A text that `parse` understands, described by `expected` ("none, pull or push").
  template <class T>
  void read_parsed(std::string_view key, std::string_view expected,
                   const std::function<std::optional<T>(std::string_view)>& parse, T& out) {
    read(key, [&](const yaml::Node& node, const ConfigPlace& place) -> Result<void> {
      if (node.kind == yaml::Node::Kind::scalar) {
        if (std::optional<T> value = parse(node.scalar)) {
          out = std::move(*value);
          return {};
        }
      }
      return config_mistake(place, node, expected);
    });
  }

  /// A duration above 0.
  void read_timeout(std::string_view key, std::chrono::milliseconds& out);

  /// The first mistake, or the first key that nobody read. Errors: invalid_argument.
  Result<void> finish();

 private:
  const yaml::Node& node_;
  ConfigPlace place_;
  std::set<std::string, std::less<>> known_;
  Result<void> state_;
};

/// Calls `read` for each item of a sequence. Errors: invalid_argument.
Result<void> read_items(const yaml::Node& node, const ConfigPlace& place,
                        const std::function<Result<void>(const yaml::Node&, const ConfigPlace&)>& read);

/// Adds a scalar that is not empty. Errors: invalid_argument.
Result<void> read_text_item(const yaml::Node& node, const ConfigPlace& place,
                            std::string_view expected, std::vector<std::string>& out);

}  // namespace slipway
