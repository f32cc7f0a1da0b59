#include "archive/ignore_rules.hpp"

#include <algorithm>
#include <span>

namespace slipway {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Parts between slashes, with "." and ".." resolved; nothing is above the root.
std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.emplace_back(part);
    }
  }
  return parts;
}

/// Matches one character class at the front of `pattern` ("[a-c]"), takes it off, and says whether
/// `c` is in it.
bool take_class(std::string_view& pattern, char c) {
  std::size_t at = 1;
  const bool negated = at < pattern.size() && (pattern[at] == '^' || pattern[at] == '!');
  if (negated) ++at;
  bool in = false;
  for (bool first = true; at < pattern.size() && (first || pattern[at] != ']'); first = false) {
    const char low = pattern[at];
    char high = low;
    if (at + 2 < pattern.size() && pattern[at + 1] == '-' && pattern[at + 2] != ']') {
      high = pattern[at + 2];
      at += 2;
    }
    in = in || (low <= c && c <= high);
    ++at;
  }
  pattern.remove_prefix(std::min(at + 1, pattern.size()));
  return in != negated;
}

/// One part of a path against one part of a pattern. Going back to the last `*` is enough, so the
/// time is at most the product of both lengths.
bool part_matches(std::string_view pattern, std::string_view text) {
  std::string_view star_pattern, star_text;
  bool starred = false;
  while (true) {
    if (!pattern.empty() && pattern.front() == '*') {
      pattern.remove_prefix(1);
      star_pattern = pattern;
      star_text = text;
      starred = true;
      continue;
    }
    if (text.empty() && pattern.empty()) return true;
    bool matched = false;
    std::string_view rest = pattern;
    if (!text.empty() && !pattern.empty()) {
      if (rest.front() == '[') {
        matched = take_class(rest, text.front());
      } else {
        const bool any = rest.front() == '?';
        if (rest.front() == '\\' && rest.size() > 1) rest.remove_prefix(1);
        matched = any || rest.front() == text.front();
        rest.remove_prefix(1);
      }
    }
    if (matched) {
      pattern = rest;
      text.remove_prefix(1);
      continue;
    }
    if (!starred || star_text.empty()) return false;
    star_text.remove_prefix(1);
    pattern = star_pattern;
    text = star_text;
  }
}

/// Does the pattern match the whole path, or a folder above it?
bool matches(std::span<const std::string> pattern, std::span<const std::string> path) {
  // reached[i]: the pattern's parts so far match the first i parts of the path.
  std::vector<bool> reached(path.size() + 1, false);
  reached[0] = true;
  for (const std::string& part : pattern) {
    std::vector<bool> next(path.size() + 1, false);
    if (part == "**") {
      bool any = false;
      for (std::size_t i = 0; i <= path.size(); ++i) next[i] = any = any || reached[i];
    } else {
      for (std::size_t i = 0; i < path.size(); ++i)
        next[i + 1] = reached[i] && part_matches(part, path[i]);
    }
    reached = std::move(next);
  }
  return std::find(reached.begin() + 1, reached.end(), true) != reached.end();
}

}  // namespace

IgnoreRules::IgnoreRules(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with('#')) continue;
    line = trimmed(line);
    Rule rule;
    if (line.starts_with('!')) {
      rule.keep = true;
      line = trimmed(line.substr(1));
    }
    rule.parts = split(line);
    if (!rule.parts.empty()) rules_.push_back(std::move(rule));
  }
}

bool IgnoreRules::ignores(std::string_view name) const {
  const std::vector<std::string> path = split(name);
  bool ignored = false;
  for (const Rule& rule : rules_)
    if (rule.keep == ignored && matches(rule.parts, path)) ignored = !rule.keep;
  return ignored;
}

}  // namespace slipway
