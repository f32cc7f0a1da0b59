// Names of repositories, tags and references.
//
// The grammars are those of the OCI distribution specification 1.1.1, "Pulling manifests":
//   name       [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*
//   tag        [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}
//   reference  a tag or a digest
// A repository name has at most 255 characters here (the specification: "Many clients impose a
// limit of 255 characters on the length of the concatenation of the registry hostname, /, and
// <name>"). Both are checked by hand-written matchers that run in linear time.
//
// Thread safety: plain values.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <slipway/core/digest.hpp>
#include <slipway/core/result.hpp>

namespace slipway {

class RepositoryName {
 public:
  static constexpr std::size_t max_size = 255;

  static constexpr bool valid(std::string_view text) noexcept {
    if (text.empty() || text.size() > max_size) return false;
    std::size_t i = 0;
    while (true) {  // one round a run of [a-z0-9]+, then what separates it from the next
      const std::size_t start = i;
      while (i < text.size() && alphanumeric(text[i])) ++i;
      if (i == start) return false;
      if (i == text.size()) return true;
      i += separator_size(text.substr(i));
      if (i < text.size() && !alphanumeric(text[i])) return false;
    }
  }

  /// Errors: invalid_argument.
  static Result<RepositoryName> parse(std::string_view text) {
    if (!valid(text))
      return Error(ErrorCode::invalid_argument,
                   "repository name \"" + std::string(text.substr(0, max_size)) +
                       "\" is not valid; use lower-case letters, digits and single separators "
                       "(. _ __ -) in parts divided by /, at most 255 characters");
    return RepositoryName(std::string(text));
  }

  [[nodiscard]] const std::string& str() const noexcept { return text_; }

  /// What owns the repository: the first part of its name.
  [[nodiscard]] std::string_view tenant() const noexcept {
    return std::string_view(text_).substr(0, text_.find('/'));
  }

  friend auto operator<=>(const RepositoryName&, const RepositoryName&) = default;
  friend bool operator==(const RepositoryName&, const RepositoryName&) = default;

 private:
  explicit RepositoryName(std::string text) : text_(std::move(text)) {}

  static constexpr bool alphanumeric(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  }
  /// Of `/`, `.`, `_`, `__` or a run of `-` at the front of a text; 0 is none of them.
  static constexpr std::size_t separator_size(std::string_view text) noexcept {
    if (text.starts_with('/') || text.starts_with('.')) return 1;
    if (text.starts_with("__")) return 2;
    if (text.starts_with('_')) return 1;
    std::size_t dashes = 0;
    while (dashes < text.size() && text[dashes] == '-') ++dashes;
    return dashes;
  }

  std::string text_;
};

class Tag {
 public:
  static constexpr std::size_t max_size = 128;

  static constexpr bool valid(std::string_view text) noexcept {
    if (text.empty() || text.size() > max_size) return false;
    if (text.front() == '.' || text.front() == '-') return false;
    for (char c : text) {
      const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      if (!word && c != '_' && c != '.' && c != '-') return false;
    }
    return true;
  }

  /// Errors: invalid_argument.
  static Result<Tag> parse(std::string_view text) {
    if (!valid(text))
      return Error(ErrorCode::invalid_argument,
                   "tag \"" + std::string(text.substr(0, max_size)) +
                       "\" is not valid; use letters, digits, _ . - (not . or - first), at most "
                       "128 characters");
    return Tag(std::string(text));
  }

  [[nodiscard]] const std::string& str() const noexcept { return text_; }

  friend auto operator<=>(const Tag&, const Tag&) = default;
  friend bool operator==(const Tag&, const Tag&) = default;

 private:
  explicit Tag(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

/// What names a manifest within a repository.
using Reference = std::variant<Tag, Digest>;

/// A text with a colon is a digest, any other a tag. Errors: invalid_argument, unsupported.
inline Result<Reference> parse_reference(std::string_view text) {
  if (text.find(':') != std::string_view::npos) {
    SLIPWAY_TRY(Digest digest, Digest::parse(text));
    return Reference(digest);
  }
  SLIPWAY_TRY(Tag tag, Tag::parse(text));
  return Reference(std::move(tag));
}

inline std::string to_string(const Reference& reference) {
  if (const Tag* tag = std::get_if<Tag>(&reference)) return tag->str();
  return std::get<Digest>(reference).to_string();
}

}  // namespace slipway
