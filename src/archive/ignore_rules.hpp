// .dockerignore: which files of a build context stay at home.
//
// Docker's documentation, "Dockerfile reference", section ".dockerignore file": a pattern a line,
// rooted at the context; `*` and `?` do not match `/`, `**` matches any number of folders, `[...]`
// a class, `\` makes the next character ordinary; `#` in front is a comment; `!` in front takes
// something back in; the last pattern that matches a file or a folder above it decides.
//
// Thread safety: const members from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class IgnoreRules {
 public:
  IgnoreRules() = default;
  explicit IgnoreRules(std::string_view text);

  /// Is this file or folder left out? `name` is relative to the context: "src/main.cpp".
  [[nodiscard]] bool ignores(std::string_view name) const;

 private:
  struct Rule {
    std::vector<std::string> parts;
    bool keep = false;
  };
  std::vector<Rule> rules_;
};

}  // namespace slipway
