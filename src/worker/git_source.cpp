#include "worker/git_source.hpp"

#include <slipway/core/timestamp.hpp>
#include <slipway/http/message.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <system_error>

#include "support/private_file.hpp"
#include "worker/environment.hpp"
#include "worker/process.hpp"

namespace slipway {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view everything_depth = "2147483647";  // git's own word for no limit

bool plain_ref(std::string_view ref) {
  return !ref.starts_with('-') && ref.find("..") == std::string_view::npos &&
         std::none_of(ref.begin(), ref.end(), [](char c) {
           return static_cast<unsigned char>(c) <= ' ' || c == '\x7f' ||
                  std::string_view("~^:?*[\\+").find(c) != std::string_view::npos;
         });
}

/// A part of a URL's user info; empty when it could break out of the lines of git's credential
/// protocol.
std::string decoded(std::string_view text) {
  std::string value = percent_decode(text).value_or("");
  if (value.find_first_of("\r\n") != std::string::npos) value.clear();
  return value;
}

bool object_id(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

/// git's configuration for this fetch alone.
std::string configuration(const GitUrl& url) {
  std::string text =
      "[core]\n\thooksPath = /dev/null\n\tsymlinks = true\n"
      "[safe]\n\tdirectory = *\n"
      "[advice]\n\tdetachedHead = false\n"
      "[init]\n\tdefaultBranch = main\n"
      "[http]\n\tfollowRedirects = false\n\tlowSpeedLimit = 1\n\tlowSpeedTime = 60\n";
  const std::string_view site(url.url);
  const std::size_t host = site.find("://");
  const std::size_t end = host == std::string_view::npos ? host : site.find('/', host + 3);
  const std::string origin(site.substr(0, end));
  if (url.user.empty() && url.password.empty()) return text;
  if (host == std::string_view::npos || origin.find_first_of("\"\\\n") != std::string::npos)
    return text;
  // The helper's answer is asked for by this origin only: a redirect or a submodule elsewhere gets
  // nothing.
  text +=
      "[credential \"" + origin + "\"]\n\thelper = \"!cat \\\"$SLIPWAY_GIT_CREDENTIALS\\\" #\"\n";
  return text;
}

class GitFetcher {
 public:
  GitFetcher(const GitFetch& fetch, const BuildLog& log, std::stop_token stop)
      : fetch_(fetch), url_(split_git_url(fetch.source.url)), log_(log), stop_(std::move(stop)) {}

  Step<FetchedSource> run();

 private:
  std::optional<BuildFailure> check() const;
  Result<void> prepare();
  /// git with these arguments in the working tree; nullopt: it succeeded.
  std::optional<BuildFailure> git(std::vector<std::string> arguments, std::string_view action,
                                  std::string* output = nullptr);
  std::optional<BuildFailure> fetch(std::string_view depth, const std::vector<std::string>& what);
  /// One of the repository's own redirects. False: there is none to follow.
  bool follow();
  std::optional<BuildFailure> fetch_commit();
  std::optional<BuildFailure> fetch_history();
  std::optional<BuildFailure> check_out(FetchedSource& source);
  bool have(const std::string& commit);

  const GitFetch& fetch_;
  GitUrl url_;
  const BuildLog& log_;
  const std::stop_token stop_;
  std::vector<std::pair<std::string, std::string>> environment_;
};

std::optional<BuildFailure> GitFetcher::check() const {
  const GitSource& source = fetch_.source;
  if (std::find(fetch_.protocols.begin(), fetch_.protocols.end(), url_.protocol) ==
      fetch_.protocols.end())
    return user_failure("protocol_not_allowed",
                        "git URL " + url_.url + ": the protocol \"" + url_.protocol +
                            "\" is not allowed on this server (builds.git_protocols)");
  if (!source.commit.empty() && !object_id(source.commit))
    return user_failure("commit_not_found", "\"" + source.commit.substr(0, 80) +
                                                "\" is no full commit id (40 or 64 hex digits)");
  if (!plain_ref(source.ref))
    return user_failure("commit_not_found",
                        "\"" + source.ref.substr(0, 200) + "\" is no name of a branch or tag");
  return std::nullopt;
}

Result<void> GitFetcher::prepare() {
  std::error_code error;
  fs::create_directories(fetch_.folder, error);
  if (error) return Error(ErrorCode::io, fetch_.folder.string() + ": " + error.message());
  const fs::path config = fetch_.scratch / "gitconfig";
  const fs::path credentials = fetch_.scratch / "git-credentials";
  SLIPWAY_CHECK(write_private_file(config, configuration(url_)));
  if (!url_.user.empty() || !url_.password.empty())
    SLIPWAY_CHECK(write_private_file(
        credentials, "username=" + url_.user + "\npassword=" + url_.password + "\n"));

  std::string protocols;
  for (const std::string& protocol : fetch_.protocols)
    protocols += (protocols.empty() ? "" : ":") + protocol;
  environment_ = child_environment();
  const std::vector<std::pair<std::string, std::string>> own{
      {"GIT_TERMINAL_PROMPT", "0"},
      {"GIT_ASKPASS", "true"},
      {"GIT_CONFIG_NOSYSTEM", "1"},
      {"GIT_CONFIG_GLOBAL", config.string()},
      {"GIT_ALLOW_PROTOCOL", protocols},
      {"GIT_SSH_COMMAND",
       "ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new "
       "-o ConnectTimeout=30"},
      {"GIT_LFS_SKIP_SMUDGE", "1"},
      {"SLIPWAY_GIT_CREDENTIALS", credentials.string()}};
  environment_.insert(environment_.end(), own.begin(), own.end());
  return {};
}

std::optional<BuildFailure> GitFetcher::git(std::vector<std::string> arguments,
                                            std::string_view action, std::string* output) {
  arguments.insert(arguments.begin(), "git");
  ProcessSpec spec{std::move(arguments), environment_, fetch_.folder, std::nullopt, {}};
  if (output == nullptr) spec.output = log_;
  auto run = run_and_capture(std::move(spec), stop_);
  if (!run)
    return infrastructure_failure(
        run.error().code == ErrorCode::not_found ? "git_missing" : "git_failed",
        run.error().message);
  if (output != nullptr) {
    *output = run->output;
    while (!output->empty() && output->back() == '\n') output->pop_back();
  }
  if (run->end.success()) return std::nullopt;
  return classify_git_failure(run->output, action);
}

std::optional<BuildFailure> GitFetcher::fetch(std::string_view depth,
                                              const std::vector<std::string>& what) {
  std::vector<std::string> arguments{
      "fetch",   "--quiet",          "--no-tags", "--no-recurse-submodules",
      "--depth", std::string(depth), "--",        url_.url};
  arguments.insert(arguments.end(), what.begin(), what.end());
  return git(std::move(arguments), "git fetch " + url_.url);
}

bool GitFetcher::have(const std::string& commit) {
  std::string output;
  return !git({"cat-file", "-e", commit + "^{commit}"}, "git cat-file", &output);
}

bool GitFetcher::follow() {
  const auto location = fetch_.location_of ? fetch_.location_of(url_.url) : std::nullopt;
  const auto next = location ? followed(url_.url, *location) : std::nullopt;
  if (!next || *next == url_.url) return false;
  log_("Redirected to " + *next + "\n");
  url_.url = *next;
  return prepare().ok();  // the credentials are for its scheme and port
}

std::optional<BuildFailure> GitFetcher::fetch_commit() {
  const GitSource& source = fetch_.source;
  const bool by_ref = source.commit.empty();
  const std::string what = !by_ref ? source.commit : source.ref.empty() ? "HEAD" : source.ref;
  auto failure = fetch("1", {what});
  constexpr int most_redirects = 5;
  for (int redirects = 0; failure && failure->reason == "source_redirected" &&
                          redirects < most_redirects && follow();
       ++redirects)
    failure = fetch("1", {what});
  if (by_ref) return failure;
  if (!failure) return std::nullopt;
  // The server knows no such object: asking for a ref would not help. Any other reason for a
  // refusal of the bare id may be a server that gives out only what it advertises.
  const bool may_be_there = failure->reason == "commit_not_found" &&
                            failure->message.find("not our ref") == std::string::npos;
  return may_be_there ? fetch_history() : failure;
}

std::optional<BuildFailure> GitFetcher::fetch_history() {
  log_("The server does not give out single commits; fetching the history of the ref instead.\n");
  const std::string& commit = fetch_.source.commit;
  if (!fetch_.source.ref.empty()) {
    for (std::string_view depth : {std::string_view("50"), std::string_view("1000")}) {
      if (stop_.stop_requested()) return std::nullopt;
      if (auto failure = fetch(depth, {fetch_.source.ref});
          failure && failure->reason != "commit_not_found")
        return failure;
      if (have(commit)) return std::nullopt;
    }
  }
  auto failure =
      fetch(everything_depth, {"+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"});
  if (failure || have(commit)) return failure;
  return user_failure("commit_not_found",
                      "commit " + commit + " is in no branch and no tag of " + url_.url);
}

std::optional<BuildFailure> GitFetcher::check_out(FetchedSource& source) {
  const std::string& asked = fetch_.source.commit;
  const std::string wanted = (asked.empty() ? "FETCH_HEAD" : asked) + "^{commit}";
  if (auto failure =
          git({"rev-parse", "--verify", "--quiet", wanted}, "git rev-parse", &source.commit))
    return user_failure("commit_not_found", (asked.empty() ? fetch_.source.ref : asked) +
                                                " is no commit of " + url_.url);
  if (auto failure =
          git({"checkout", "--quiet", "--force", "--detach", source.commit}, "git checkout"))
    return failure;
  if (auto failure =
          git({"show", "--no-patch", "--format=%cI", source.commit}, "git show", &source.created))
    return failure;
  const auto moment = parse_rfc3339(source.created);
  source.created = moment ? to_rfc3339(*moment) : std::string();
  std::error_code error;
  if (fs::exists(fetch_.folder / ".gitmodules", error)) {
    auto failure = git({"submodule", "update", "--quiet", "--init", "--recursive", "--depth", "1"},
                       "git submodule update");
    if (failure && failure->failure_class == FailureClass::user)
      failure->reason = "submodule_failed";
    if (failure) return failure;
  }
  fs::remove_all(fetch_.folder / ".git", error);
  if (error) return infrastructure_failure("git_failed", "cannot remove .git: " + error.message());
  return std::nullopt;
}

Step<FetchedSource> GitFetcher::run() {
  if (auto failure = check()) return *failure;
  if (auto ready = prepare(); !ready)
    return infrastructure_failure("git_failed", ready.error().message);
  const GitSource& asked = fetch_.source;
  log_("Fetching " + url_.url + " " + (asked.commit.empty() ? asked.ref : asked.commit) + "\n");

  FetchedSource source{fetch_.folder, {}, {}};
  auto failure = git({"init", "--quiet", "."}, "git init");
  if (!failure) failure = fetch_commit();
  if (!failure) failure = check_out(source);
  std::error_code ignored;
  fs::remove(fetch_.scratch / "git-credentials", ignored);
  if (stop_.stop_requested()) return Stopped{};
  if (failure) return *failure;
  log_("Checked out " + source.commit + "\n");
  return source;
}

}  // namespace

std::optional<std::string> followed(std::string_view url, std::string_view location) {
  const auto origin_of = [](std::string_view text) {
    const std::size_t host = text.find("://");
    return host == text.npos ? text.substr(0, 0) : text.substr(0, text.find('/', host + 3));
  };
  const auto host_of = [](std::string_view origin) {
    const std::string_view authority = origin.substr(origin.find("://") + 3);
    if (authority.starts_with('[')) return authority.substr(0, authority.find(']'));
    return authority.substr(0, authority.find(':'));
  };
  const std::string_view origin = origin_of(url);
  std::string target(location);
  if (location.starts_with('/') && !location.starts_with("//"))
    target = std::string(origin).append(location);
  const std::string_view new_origin = origin_of(target);
  const bool same = new_origin == origin;
  const bool upgraded = origin.starts_with("http://") && new_origin.starts_with("https://") &&
                        host_of(origin) == host_of(new_origin);
  if (origin.empty() || (!same && !upgraded) || !target.ends_with(git_discovery))
    return std::nullopt;
  target.resize(target.size() - git_discovery.size());
  return target;
}

GitUrl split_git_url(std::string_view text) {
  GitUrl parsed;
  parsed.url = text;
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) {
    // git@host:path is ssh; what has a slash before its colon, or no colon, is a path here.
    const std::size_t colon = text.find(':');
    const bool remote = colon != std::string_view::npos && text.find('/') > colon;
    parsed.protocol = !remote                                ? "file"
                      : text.substr(colon).starts_with("::") ? text.substr(0, colon)
                                                             : "ssh";
    return parsed;
  }
  parsed.protocol = text.substr(0, scheme);
  const std::size_t host = scheme + 3;
  const std::size_t path = std::min(text.find('/', host), text.size());
  const std::size_t at = text.substr(0, path).rfind('@');
  if (at == std::string_view::npos || at < host || !parsed.protocol.starts_with("http"))
    return parsed;
  const std::string_view who = text.substr(host, at - host);
  const std::size_t colon = std::min(who.find(':'), who.size());
  parsed.user = decoded(who.substr(0, colon));
  parsed.encoded_password = who.substr(std::min(colon + 1, who.size()));
  parsed.password = decoded(parsed.encoded_password);
  parsed.url = std::string(text.substr(0, host)).append(text.substr(at + 1));
  return parsed;
}

Step<FetchedSource> fetch_git_source(const GitFetch& fetch, const BuildLog& log,
                                     std::stop_token stop) {
  return GitFetcher(fetch, log, std::move(stop)).run();
}

}  // namespace slipway
