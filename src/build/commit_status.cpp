#include "build/commit_status.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include <slipway/support/hasher.hpp>

#include "build/git_url.hpp"
#include "build/trigger_templates.hpp"
#include "json/writer.hpp"
#include "support/format.hpp"
#include "support/one_line.hpp"

namespace slipway {
namespace {

/// The shortest that a provider takes: GitHub's.
constexpr std::size_t longest_description = 140;
/// GitLab's; nobody documents less.
constexpr std::size_t longest_name = 255;
/// Bitbucket's.
constexpr std::size_t longest_key = 40;

/// Of owners and repositories; they need no encoding in a URL's path (RFC 3986 section 2.3).
constexpr std::string_view path_characters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";

struct Remote {
  std::string host;
  std::string path;  // "owner/repository", of GitLab perhaps with more groups
};

/// Of https://host/owner/repository.git, ssh://git@host:22/… and git@host:owner/….
Result<Remote> parse_remote(std::string_view url) {
  std::string_view rest = url;
  Remote remote;
  if (const std::size_t mark = rest.find("://"); mark != rest.npos) {
    const bool ssh = rest.starts_with("ssh");
    rest.remove_prefix(mark + 3);
    const std::size_t slash = rest.find('/');
    std::string_view authority = rest.substr(0, slash);
    if (const std::size_t at = authority.rfind('@'); at != authority.npos)
      authority.remove_prefix(at + 1);
    // The port of ssh is not that of the API.
    remote.host = ssh ? authority.substr(0, authority.find(':')) : authority;
    rest = slash == rest.npos ? std::string_view() : rest.substr(slash + 1);
  } else if (const std::size_t colon = rest.find(':'); colon != rest.npos) {
    std::string_view authority = rest.substr(0, colon);
    if (const std::size_t at = authority.rfind('@'); at != authority.npos)
      authority.remove_prefix(at + 1);
    remote.host = authority;
    rest.remove_prefix(colon + 1);
  } else {
    rest = {};
  }
  while (rest.ends_with('/')) rest.remove_suffix(1);
  while (rest.starts_with('/')) rest.remove_prefix(1);
  if (rest.ends_with(".git")) rest.remove_suffix(4);
  remote.path = rest;
  const std::size_t slash = remote.path.find('/');
  if (remote.host.empty() || slash == std::string::npos || slash == 0 ||
      remote.path.find_first_not_of(path_characters) != std::string::npos)
    return Error(ErrorCode::invalid_argument,
                 slipway::format("git URL {}: names no host with owner/repository, which commit "
                                 "statuses need",
                                 without_credentials(url)));
  return remote;
}

/// The words of the providers for one state.
struct Words {
  BuildState state;
  std::string_view github;  // Gitea's too
  std::string_view gitlab;
  std::string_view bitbucket;
};

constexpr std::array words{
    Words{BuildState::queued, "pending", "pending", "INPROGRESS"},
    Words{BuildState::starting, "pending", "pending", "INPROGRESS"},
    Words{BuildState::running, "pending", "running", "INPROGRESS"},
    Words{BuildState::succeeded, "success", "success", "SUCCESSFUL"},
    Words{BuildState::failed, "failure", "failed", "FAILED"},
    Words{BuildState::cancelled, "error", "canceled", "STOPPED"},
};

const Words& words_for(BuildState state) {
  return *std::find_if(words.begin(), words.end(),
                       [&](const Words& known) { return known.state == state; });
}

/// "group%2Fproject"
std::string in_one_segment(std::string_view path) {
  std::string out;
  for (const char c : path) out.append(c == '/' ? std::string("%2F") : std::string(1, c));
  return out;
}

/// At most so many bytes, not cut within a character.
std::string shortened(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return std::string(text.substr(0, end));
}

std::string description_of(const Build& build) {
  std::string text(to_string(build.state));
  if (build.failure) text.append(": ").append(build.failure->message);
  if (build.state == BuildState::cancelled) text.append(": ").append(build.cancel_reason);
  if (build.digest) text.append(": ").append(build.digest->to_string());
  return shortened(one_line(text, ' '), longest_description);
}

/// A name of at most so many bytes; what had to be cut is told apart by a hash of the whole.
std::string distinct(std::string name, std::size_t most) {
  constexpr std::size_t hash_digits = 12;
  if (name.size() <= most) return name;
  const std::string hash = digest_of(name).to_string();
  return shortened(name, most - hash_digits - 1) + "-" +
         hash.substr(hash.size() - hash_digits);
}

std::string status_name(const Build& build) {
  return distinct("slipway/" + build.request.repository.str(), longest_name);
}

std::string github_body(const Build& build, std::string_view details_url) {
  json::Writer json;
  json.begin_object().member("state", words_for(build.state).github);
  json.member("target_url", details_url).member("description", description_of(build));
  json.member("context", status_name(build)).end_object();
  return json.take();
}

std::string gitlab_body(const Build& build, const GitSource& git, std::string_view details_url) {
  const auto name = pushed_name(git.ref);
  json::Writer json;
  json.begin_object().member("state", words_for(build.state).gitlab);
  if (name) json.member("ref", name->branch.empty() ? name->tag : name->branch);
  json.member("name", status_name(build)).member("target_url", details_url);
  json.member("description", description_of(build)).end_object();
  return json.take();
}

std::string bitbucket_body(const Build& build, std::string_view details_url) {
  json::Writer json;
  json.begin_object().member("key", distinct(status_name(build), longest_key));
  json.member("state", words_for(build.state).bitbucket).member("name", status_name(build));
  json.member("url", details_url).member("description", description_of(build)).end_object();
  return json.take();
}

}  // namespace

Result<std::string> usual_status_api(GitProvider provider, std::string_view git_url) {
  SLIPWAY_TRY(const Remote remote, parse_remote(git_url));
  switch (provider) {
    case GitProvider::github:
      if (remote.host == "github.com") return std::string("https://api.github.com");
      return "https://" + remote.host + "/api/v3";
    case GitProvider::gitlab:
      return "https://" + remote.host + "/api/v4";
    case GitProvider::gitea:
      return "https://" + remote.host + "/api/v1";
    case GitProvider::bitbucket:
      return std::string("https://api.bitbucket.org/2.0");
    case GitProvider::custom:
      break;
  }
  return Error(ErrorCode::unsupported, "a custom provider takes no commit statuses");
}

Result<StatusRequest> commit_status_request(const Trigger& trigger, const Build& build,
                                            std::string_view details_url) {
  const TriggerRequest& wanted = trigger.request;
  SLIPWAY_TRY(const Remote remote, parse_remote(wanted.git_url));
  SLIPWAY_TRY(const std::string usual, usual_status_api(wanted.provider, wanted.git_url));
  const std::string api = wanted.status_api.empty() ? usual : wanted.status_api;
  const GitSource& git = std::get<GitSource>(build.request.source);
  const std::string& path = remote.path;
  StatusRequest request;
  request.fields = {{"Content-Type", "application/json"}};
  const auto authorize = [&](std::string_view scheme) {
    request.fields.emplace_back("Authorization", std::string(scheme) + " " + wanted.status_token);
  };
  switch (wanted.provider) {
    case GitProvider::github:
      request.url = slipway::format("{}/repos/{}/statuses/{}", api, path, git.commit);
      request.fields.emplace_back("Accept", "application/vnd.github+json");
      request.fields.emplace_back("X-GitHub-Api-Version", "2022-11-28");
      authorize("Bearer");
      request.body = github_body(build, details_url);
      break;
    case GitProvider::gitea:
      request.url = slipway::format("{}/repos/{}/statuses/{}", api, path, git.commit);
      request.fields.emplace_back("Accept", "application/json");
      authorize("token");
      request.body = github_body(build, details_url);
      break;
    case GitProvider::gitlab:
      request.url = slipway::format("{}/projects/{}/statuses/{}", api, in_one_segment(path),
                                    git.commit);
      request.fields.emplace_back("PRIVATE-TOKEN", wanted.status_token);
      request.body = gitlab_body(build, git, details_url);
      break;
    case GitProvider::bitbucket:
      request.url = slipway::format("{}/repositories/{}/commit/{}/statuses/build", api, path,
                                    git.commit);
      authorize("Bearer");
      request.body = bitbucket_body(build, details_url);
      break;
    case GitProvider::custom:
      return Error(ErrorCode::unsupported, "a custom provider takes no commit statuses");
  }
  return request;
}

}  // namespace slipway
