#include "build/trigger_templates.hpp"

#include <algorithm>
#include <vector>

#include <slipway/core/reference.hpp>

namespace slipway {
namespace {

constexpr std::size_t short_sha_size = 7;
constexpr std::size_t max_template_size = 100;
constexpr std::string_view heads = "refs/heads/";
constexpr std::string_view tags = "refs/tags/";

enum class Part { literal, branch, tag, short_sha };

struct TemplatePart {
  Part kind;
  std::string_view text;  // of a literal
};

Error invalid(std::string_view tag_template, std::string_view why) {
  return Error(ErrorCode::invalid_argument,
               "tag template \"" + std::string(tag_template.substr(0, max_template_size)) +
                   "\": " + std::string(why));
}

Result<std::vector<TemplatePart>> split(std::string_view tag_template) {
  std::vector<TemplatePart> parts;
  std::string_view rest = tag_template;
  while (!rest.empty()) {
    if (rest.front() != '{') {
      const std::string_view literal = rest.substr(0, rest.find('{'));
      parts.push_back({Part::literal, literal});
      rest.remove_prefix(literal.size());
      continue;
    }
    const std::size_t close = rest.find('}');
    const std::string_view name =
        close == std::string_view::npos ? rest : rest.substr(0, close + 1);
    if (name == "{branch}")
      parts.push_back({Part::branch, {}});
    else if (name == "{tag}")
      parts.push_back({Part::tag, {}});
    else if (name == "{short_sha}")
      parts.push_back({Part::short_sha, {}});
    else
      return invalid(tag_template,
                     std::string(name) + " is unknown; use {branch}, {tag} or {short_sha}");
    rest.remove_prefix(name.size());
  }
  return parts;
}

/// Each character that no tag may have becomes a dash; one of several bytes becomes one dash.
std::string legal_name(std::string_view name, std::size_t most) {
  std::string out;
  for (const char c : name) {
    const bool continues = (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
    if (continues || out.size() == most) continue;
    out.push_back(Tag::valid(std::string("_") + c) ? c : '-');
  }
  return out;
}

}  // namespace

std::optional<PushedName> pushed_name(std::string_view ref) noexcept {
  if (ref.size() > heads.size() && ref.starts_with(heads))
    return PushedName{ref.substr(heads.size()), {}};
  if (ref.size() > tags.size() && ref.starts_with(tags))
    return PushedName{{}, ref.substr(tags.size())};
  return std::nullopt;
}

bool take_exclusion(std::string_view& glob) noexcept {
  if (!glob.starts_with('!')) return false;
  glob.remove_prefix(1);
  return true;
}

Result<void> check_tag_template(std::string_view tag_template) {
  if (tag_template.empty() || tag_template.size() > max_template_size)
    return invalid(tag_template, "a template has 1 to 100 characters");
  SLIPWAY_TRY(const auto parts, split(tag_template));
  std::string sample;
  bool both[2] = {false, false};
  for (const TemplatePart& part : parts) {
    sample.append(part.kind == Part::literal ? part.text : std::string_view("x"));
    if (part.kind == Part::branch) both[0] = true;
    if (part.kind == Part::tag) both[1] = true;
  }
  if (both[0] && both[1])
    return invalid(tag_template,
                   "a push is of a branch or of a tag; {branch} and {tag} exclude each other");
  if (!Tag::valid(sample))
    return invalid(tag_template,
                   "does not make a valid tag; use letters, digits, _ . - (not . or - first)");
  return {};
}

std::optional<std::string> expand_tag_template(std::string_view tag_template,
                                               const PushEvent& push) {
  const auto name = pushed_name(push.ref);
  const auto parts = split(tag_template);
  if (!name || !parts) return std::nullopt;
  if (tag_template == "latest" && (name->branch.empty() || name->branch != push.default_branch))
    return std::nullopt;

  std::size_t fixed = 0;
  std::size_t names = 0;
  for (const TemplatePart& part : *parts) {
    if ((part.kind == Part::branch && name->branch.empty()) ||
        (part.kind == Part::tag && name->tag.empty()) ||
        (part.kind == Part::short_sha && push.commit.size() < short_sha_size))
      return std::nullopt;
    if (part.kind == Part::literal) fixed += part.text.size();
    if (part.kind == Part::short_sha) fixed += short_sha_size;
    if (part.kind == Part::branch || part.kind == Part::tag) ++names;
  }
  const std::size_t room = names > 0 && fixed < Tag::max_size ? (Tag::max_size - fixed) / names : 0;

  std::string tag;
  for (const TemplatePart& part : *parts) switch (part.kind) {
      case Part::literal:
        tag.append(part.text);
        break;
      case Part::branch:
        tag.append(legal_name(name->branch, room));
        break;
      case Part::tag:
        tag.append(legal_name(name->tag, room));
        break;
      case Part::short_sha:
        tag.append(push.commit.substr(0, short_sha_size));
        break;
    }
  if (tag.starts_with('-') || tag.starts_with('.')) tag.front() = '_';
  if (!Tag::valid(tag)) return std::nullopt;
  return tag;
}

}  // namespace slipway
