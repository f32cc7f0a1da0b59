#include "worker/secret_mask.hpp"

#include <slipway/support/hasher.hpp>

#include <algorithm>

namespace slipway {
namespace {

constexpr std::string_view replacement = "***";
// A longer line is replaced piece by piece, so that little has to be held back.
constexpr std::size_t longest_pattern = 512;

std::uint32_t head_of(std::string_view text) noexcept {
  std::uint32_t head = 0;
  for (char c : text.substr(0, SecretMask::shortest))
    head = head << 8U | static_cast<unsigned char>(c);
  return head;
}

std::size_t two_of(std::string_view text) noexcept {
  return static_cast<std::size_t>(static_cast<unsigned char>(text[0])) << 8U |
         static_cast<unsigned char>(text[1]);
}

/// Without blanks and line breaks around it: files end with one, and what is printed does not.
std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view blank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

}  // namespace

void SecretMask::add(std::string_view secret) {
  const std::string_view core = trimmed(secret);
  if (core.size() < shortest) return;
  for (const std::string& encoded :
       {base64_encode(secret), base64_encode(core), base64url_encode(core)})
    add_pattern(encoded);
  for (std::string_view rest = secret; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    add_pattern(trimmed(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

void SecretMask::add_pattern(std::string_view pattern) {
  // One behind the other; the last takes what would be too short alone.
  for (; pattern.size() >= longest_pattern + shortest; pattern.remove_prefix(longest_pattern))
    add_pattern(pattern.substr(0, longest_pattern));
  if (pattern.size() < shortest) return;
  std::vector<std::string>& same_head = patterns_[head_of(pattern)];
  if (std::find(same_head.begin(), same_head.end(), pattern) != same_head.end()) return;
  const auto place = std::find_if(same_head.begin(), same_head.end(), [&](const std::string& one) {
    return one.size() < pattern.size();
  });
  same_head.emplace(place, pattern);
  first_.set(static_cast<unsigned char>(pattern[0]));
  first_two_.set(two_of(pattern));
  longest_ = std::max(longest_, pattern.size());
}

std::size_t SecretMask::match(std::string_view text) const {
  if (text.size() < shortest || !first_two_.test(two_of(text))) return 0;
  const auto found = patterns_.find(head_of(text));
  if (found == patterns_.end()) return 0;
  for (const std::string& pattern : found->second)
    if (text.starts_with(pattern)) return pattern.size();
  return 0;
}

bool SecretMask::may_begin(std::string_view text) const {
  if (text.size() >= longest_ || !first_.test(static_cast<unsigned char>(text[0]))) return false;
  if (text.size() >= 2 && !first_two_.test(two_of(text))) return false;
  if (text.size() >= shortest) {
    const auto found = patterns_.find(head_of(text));
    return found != patterns_.end() &&
           std::any_of(found->second.begin(), found->second.end(), [&](const std::string& pattern) {
             return pattern.size() > text.size() && pattern.starts_with(text);
           });
  }
  return std::any_of(patterns_.begin(), patterns_.end(), [&](const auto& same_head) {
    return same_head.second.front().starts_with(text);
  });
}

std::size_t SecretMask::replace(std::string_view text, bool at_end, std::string& out) const {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::string_view rest = text.substr(at);
    if (!at_end && may_begin(rest)) return at;
    if (const std::size_t size = match(rest); size > 0) {
      out.append(replacement);
      at += size;
    } else {
      out.push_back(rest.front());
      ++at;
    }
  }
  return at;
}

void SecretMask::append(std::string_view bytes, const std::function<void(std::string_view)>& out) {
  if (empty()) return out(bytes);
  held_.append(bytes);
  std::string safe;
  safe.reserve(held_.size());
  held_.erase(0, replace(held_, false, safe));
  if (!safe.empty()) out(safe);
}

void SecretMask::flush(const std::function<void(std::string_view)>& out) {
  std::string rest;
  replace(held_, true, rest);
  held_.clear();
  if (!rest.empty()) out(rest);
}

std::string SecretMask::masked(std::string_view text) const {
  if (empty()) return std::string(text);
  std::string out;
  replace(text, true, out);
  return out;
}

}  // namespace slipway
