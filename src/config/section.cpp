#include "config/section.hpp"

#include <charconv>

#include <slipway/core/quantity.hpp>

#include "support/format.hpp"
#include "support/one_line.hpp"

namespace slipway {
namespace {

std::string shown(const yaml::Node& node) {
  switch (node.kind) {
    case yaml::Node::Kind::null: return "nothing";
    case yaml::Node::Kind::scalar: return slipway::format("\"{}\"", node.scalar);
    case yaml::Node::Kind::sequence: return "a list";
    case yaml::Node::Kind::mapping: return "a mapping";
  }
  return "nothing";
}

std::optional<unsigned> parse_count(std::string_view text) {
  unsigned value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value == 0) return std::nullopt;
  return value;
}

}  // namespace

ConfigPlace ConfigPlace::member(std::string_view name) const {
  return {file, path.empty() ? std::string(name) : slipway::format("{}.{}", path, name)};
}

ConfigPlace ConfigPlace::item(std::size_t index) const {
  return {file, slipway::format("{}[{}]", path, index)};
}

Error config_mistake(const ConfigPlace& place, const yaml::Node& node, std::string_view expected) {
  const std::string path = place.path.empty() ? std::string() : place.path + ": ";
  return Error(ErrorCode::invalid_argument,
               one_line(slipway::format("{}:{}: {}expected {}, got {}", place.file, node.line, path,
                                        expected, shown(node))));
}

Section::Section(const yaml::Node& node, ConfigPlace place)
    : node_(node), place_(std::move(place)) {
  if (node.kind != yaml::Node::Kind::mapping && node.kind != yaml::Node::Kind::null)
    state_ = config_mistake(place_, node, "a mapping");
}

void Section::read(std::string_view key, const Read& read) {
  known_.emplace(key);
  if (!state_) return;
  if (const yaml::Node* value = node_.find(key)) state_ = read(*value, place_.member(key));
}

void Section::read(std::string_view key, std::string& out) {
  read_parsed<std::string>(
      key, "a text",
      [](std::string_view text) -> std::optional<std::string> { return std::string(text); }, out);
}

void Section::read(std::string_view key, std::chrono::milliseconds& out) {
  read_parsed<std::chrono::milliseconds>(key, "a duration such as 500ms, 30s, 10m or 1h",
                                         parse_duration, out);
}

void Section::read_seconds(std::string_view key, std::chrono::seconds& out) {
  std::chrono::milliseconds value = out;
  read(key, value);
  out = std::chrono::floor<std::chrono::seconds>(value);
}

void Section::read_bytes(std::string_view key, std::uint64_t& out) {
  read_parsed<std::uint64_t>(key, "a size such as 512MiB or 64GiB", parse_byte_size, out);
}

void Section::read_count(std::string_view key, unsigned& out) {
  read_parsed<unsigned>(key, "a whole number above 0", parse_count, out);
}

void Section::read_count_or_none(std::string_view key, unsigned& out) {
  read_parsed<unsigned>(
      key, "a whole number",
      [](std::string_view text) { return text == "0" ? std::optional(0U) : parse_count(text); },
      out);
}

void Section::read_timeout(std::string_view key, std::chrono::milliseconds& out) {
  read_parsed<std::chrono::milliseconds>(
      key, "a duration above 0 such as 500ms, 30s or 10m",
      [](std::string_view text) -> std::optional<std::chrono::milliseconds> {
        const auto duration = parse_duration(text);
        return duration && duration->count() > 0 ? duration : std::nullopt;
      },
      out);
}

Result<void> Section::finish() {
  if (!state_) return state_;
  for (const auto& [key, value] : node_.members) {
    if (known_.contains(key.scalar)) continue;
    std::string names;
    for (const std::string& name : known_) names.append(names.empty() ? "" : ", ").append(name);
    return Error(ErrorCode::invalid_argument,
                 one_line(slipway::format("{}:{}: {}: unknown key; expected one of {}", place_.file,
                                          key.line, place_.member(key.scalar).path, names)));
  }
  return {};
}

Result<void> read_items(
    const yaml::Node& node, const ConfigPlace& place,
    const std::function<Result<void>(const yaml::Node&, const ConfigPlace&)>& read) {
  if (node.kind != yaml::Node::Kind::sequence) return config_mistake(place, node, "a list");
  for (std::size_t i = 0; i < node.items.size(); ++i)
    SLIPWAY_CHECK(read(node.items[i], place.item(i)));
  return {};
}

Result<void> read_text_item(const yaml::Node& node, const ConfigPlace& place,
                            std::string_view expected, std::vector<std::string>& out) {
  if (node.kind != yaml::Node::Kind::scalar || node.scalar.empty())
    return config_mistake(place, node, expected);
  out.push_back(node.scalar);
  return {};
}

}  // namespace slipway
