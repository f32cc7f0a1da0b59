#include <algorithm>
#include <limits>
#include <utility>

#include "build/build_json.hpp"
#include "build/build_json_parts.hpp"
#include "build/build_secrets.hpp"
#include "build/git_url.hpp"

namespace slipway {

namespace {

constexpr std::size_t longest_name = 255;
constexpr std::size_t longest_path = 1024;
constexpr std::size_t longest_text = std::size_t{64} * 1024;
constexpr std::size_t most_entries = 256;
constexpr int highest_priority = 1000;
constexpr std::chrono::seconds longest_timeout = std::chrono::days(7);

Error wrong(std::string_view member, std::string_view expected, std::string_view got) {
  return Error(ErrorCode::invalid_argument,
               slipway::format("{}: expected {}, got \"{}\"", member, expected, got.substr(0, 64)));
}

bool is_letter_or_digit(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// No control characters and no blanks, and nothing that a program would take for an option.
bool is_plain_word(std::string_view text) noexcept {
  return !text.empty() && text.size() <= longest_name && text.front() != '-' &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) > ' ' && c != 0x7F; });
}

bool is_made_of(std::string_view text, std::string_view others) noexcept {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return is_letter_or_digit(c) || others.find(c) != std::string_view::npos;
  });
}

bool is_commit(std::string_view text) noexcept {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_relative_path(std::string_view text) noexcept {
  if (text.empty() || text.size() > longest_path || text.front() == '/' || text.front() == '-' ||
      text.find('\0') != std::string_view::npos)
    return false;
  while (!text.empty()) {
    const std::size_t slash = std::min(text.find('/'), text.size());
    if (text.substr(0, slash) == "..") return false;
    text.remove_prefix(std::min(slash + 1, text.size()));
  }
  return true;
}

/// os/architecture or os/architecture/variant.
bool is_platform(std::string_view text) noexcept {
  const auto slashes = std::count(text.begin(), text.end(), '/');
  return text.size() <= longest_name && (slashes == 1 || slashes == 2) && is_plain_word(text) &&
         text.front() != '/' && text.back() != '/' && text.find("//") == std::string_view::npos &&
         is_made_of(text, "/._-");
}

bool is_variable_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= longest_name && is_made_of(text, "_") &&
         !(text.front() >= '0' && text.front() <= '9');
}

Result<void> check_git(const GitSource& git) {
  if (const auto protocol = git_protocol(git.url); !protocol)
    return protocol.error().in("source.git.url");
  if (git.ref.empty() && git.commit.empty())
    return Error(ErrorCode::invalid_argument, "source.git: ref or commit is needed");
  if (!git.ref.empty() && !is_plain_word(git.ref))
    return wrong("source.git.ref", "the name of a ref", git.ref);
  if (!git.commit.empty() && !is_commit(git.commit))
    return wrong("source.git.commit", "40 or 64 lower-case hex digits", git.commit);
  return {};
}

Result<void> check_source(const BuildSource& source) {
  if (const auto* git = std::get_if<GitSource>(&source)) return check_git(*git);
  const std::string& type = std::get<ContextSource>(source).media_type;
  if (type == "application/x-tar" || type == "application/gzip" || type == "application/zstd")
    return {};
  return wrong("source.context.media_type",
               "application/x-tar, application/gzip or application/zstd", type);
}

Result<void> check_trigger(const BuildTrigger& trigger) {
  constexpr std::size_t longest_delivery = 128;
  if (!is_plain_word(trigger.id) || trigger.id.size() > 64)
    return wrong("trigger.id", "the id of a trigger", trigger.id);
  if (!trigger.delivery.empty() &&
      (!is_plain_word(trigger.delivery) || trigger.delivery.size() > longest_delivery))
    return wrong("trigger.delivery", "at most 128 printable characters", trigger.delivery);
  return {};
}

/// `named`: is this key legal?
Result<void> check_pairs(std::string_view member, const std::map<std::string, std::string>& pairs,
                         bool (*named)(std::string_view) noexcept) {
  if (pairs.size() > most_entries)
    return Error(ErrorCode::invalid_argument,
                 slipway::format("{}: {} entries; at most {}", member, pairs.size(), most_entries));
  for (const auto& [key, value] : pairs) {
    if (!named(key)) return wrong(member, "legal names as keys", key);
    if (value.size() > longest_text || value.find('\0') != std::string::npos)
      return wrong(slipway::format("{}.{}", member, key), "at most 64 KiB without a zero byte", "");
  }
  return {};
}

Result<void> check_lists(const BuildRequest& request) {
  if (request.platforms.size() > most_entries || request.tags.size() > most_entries)
    return Error(ErrorCode::invalid_argument,
                 slipway::format("platforms, tags: at most {} of each", most_entries));
  for (const std::string& platform : request.platforms)
    if (!is_platform(platform))
      return wrong("platforms", "os/architecture, for example linux/amd64", platform);
  for (const std::string& tag : request.tags)
    if (const auto parsed = Tag::parse(tag); !parsed) return parsed.error().in("tags");
  SLIPWAY_CHECK(check_pairs("args", request.args, is_variable_name));
  return check_pairs("labels", request.labels, is_plain_word);
}

Result<void> check_commit_info(const CommitInfo& commit) {
  if (commit.message.size() <= longest_text && commit.url.size() <= longest_text) return {};
  return Error(ErrorCode::invalid_argument, "commit: message and url have at most 64 KiB each");
}

}  // namespace

Result<void> check_build_request(const BuildRequest& request) {
  SLIPWAY_CHECK(check_source(request.source));
  if (request.commit) SLIPWAY_CHECK(check_commit_info(*request.commit));
  if (request.trigger) SLIPWAY_CHECK(check_trigger(*request.trigger));
  constexpr std::string_view path = "a relative path without ..";
  if (!is_relative_path(request.context)) return wrong("context", path, request.context);
  if (!is_relative_path(request.dockerfile)) return wrong("dockerfile", path, request.dockerfile);
  if (!request.target.empty() &&
      (!is_plain_word(request.target) || !is_made_of(request.target, "._-")))
    return wrong("target", "the name of a stage", request.target);
  SLIPWAY_CHECK(check_lists(request));
  if (request.priority < -highest_priority || request.priority > highest_priority)
    return wrong("priority", "-1000 to 1000", std::to_string(request.priority));
  if (request.timeout && (request.timeout->count() < 1 || *request.timeout > longest_timeout))
    return wrong("timeout", "1s to 7d", slipway::format("{}s", request.timeout->count()));
  return {};
}

Result<BuildSubmission> parse_build_submission(const RepositoryName& repository,
                                               std::string_view json) {
  SLIPWAY_TRY(const json::Document document, json::Document::parse(json));
  constexpr UnknownMembers refused = UnknownMembers::refused;
  json::ObjectReader reader(document.root(), "");
  BuildSubmission submission{BuildRequest(repository, GitSource()), {}, false};
  BuildRequest& request = submission.request;
  reader.require("source", [&](json::Value value, const std::string& path) -> Result<void> {
    SLIPWAY_TRY(request.source, read_source(value, path, refused));
    return {};
  });
  read_request_members(reader, request, refused);
  read_secret_files(reader, submission.secrets);
  reader.read("not_before", json::time_into(request.not_before));
  SLIPWAY_CHECK(reader.finish(refused));
  if (auto* git = std::get_if<GitSource>(&request.source);
      git != nullptr && git->ref.empty() && git->commit.empty())
    git->ref = "HEAD";
  if (auto* context = std::get_if<ContextSource>(&request.source)) {
    submission.find_context = context->media_type.empty() || context->repository;
    if (context->media_type.empty()) context->media_type = "application/x-tar";
  }
  SLIPWAY_CHECK(check_build_request(request));
  return submission;
}

}  // namespace slipway
