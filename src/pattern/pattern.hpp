// Pattern: a regular expression or a glob that a user wrote, matched in linear time.
//
// The engine is RE2: no pattern backtracks, so one from an untrusted user costs at most the product
// of its size and the text's. Syntax: https://github.com/google/re2/wiki/Syntax. A compiled pattern
// holds at most 1 MiB.
//
// Thread safety: immutable; one pattern may match from many threads at once.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include <slipway/core/result.hpp>

namespace re2 {
class RE2;
}

namespace slipway {

inline constexpr std::size_t max_pattern_size = 1000;  // characters

class Pattern {
 public:
  /// A regular expression. Errors: invalid_argument (what is wrong and where), too_large (longer
  /// than max_pattern_size, or too large once compiled).
  static Result<Pattern> compile(std::string_view expression);

  /// A glob over paths with `/`: `*` is any characters but `/`, `?` one of them, `**` any
  /// characters at all, `**/` any folders or none, so that `**/*.md` is every Markdown file. All
  /// other characters stand for themselves. Errors: too_large.
  static Result<Pattern> compile_glob(std::string_view glob);

  /// Does it match the whole text? Bytes that are not UTF-8 are matched by nothing.
  [[nodiscard]] bool matches(std::string_view text) const noexcept;

 private:
  explicit Pattern(std::shared_ptr<const re2::RE2> engine) : engine_(std::move(engine)) {}

  std::shared_ptr<const re2::RE2> engine_;
};

}  // namespace slipway
