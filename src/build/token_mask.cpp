#include "build/token_mask.hpp"

#include <algorithm>
#include <optional>

namespace slipway {
namespace {

constexpr std::string_view mark = "slp";
/// With the star that stands for one.
constexpr std::string_view token_characters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.*";
constexpr std::size_t shortest_token = 16;

struct Run {
  std::size_t begin = 0;  // behind the prefix
  std::size_t end = 0;
};

std::size_t end_of_run(std::string_view text, std::size_t begin) {
  return std::min(text.find_first_not_of(token_characters, begin), text.size());
}

/// What is to be masked of a token that begins with the mark at `at`; nullopt: it is none.
std::optional<Run> token_at(std::string_view text, std::size_t at) {
  std::size_t begin = at + mark.size();
  if (begin < text.size() && (text[begin] == 'w' || text[begin] == 'r')) ++begin;
  if (begin >= text.size() || text[begin] != '_') return std::nullopt;
  ++begin;
  const std::size_t end = end_of_run(text, begin);
  if (end - begin < shortest_token && end < text.size()) return std::nullopt;
  return Run{begin, end};
}

}  // namespace

std::string mask_tokens(std::string_view chunk) {
  std::string out(chunk);
  for (std::size_t at = chunk.find(mark); at != chunk.npos; at = chunk.find(mark, at + mark.size()))
    if (const auto run = token_at(chunk, at))
      out.replace(run->begin, run->end - run->begin, run->end - run->begin, '*');
  return out;
}

MaskedHead masked_head(std::string_view before, std::string_view chunk) {
  const std::size_t head = end_of_run(chunk, 0);
  if (head == 0) return {};
  // With one character more, what ends there has ended.
  std::string text(before);
  text.append(chunk.substr(0, head + 1));
  for (std::size_t at = text.find(mark); at < before.size(); at = text.find(mark, at + mark.size())) {
    const auto run = token_at(text, at);
    if (run && run->end > before.size())
      return {std::max(run->begin, before.size()) - before.size(), run->end - before.size()};
  }
  return {};
}

}  // namespace slipway
