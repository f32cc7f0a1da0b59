// Fetching one commit of a git repository, and no more of it than is needed.
//
// `git fetch --depth 1` of the commit itself; a server that refuses objects it did not advertise is
// asked for the ref, with growing depth, until the commit is there. git gets no terminal, no hooks,
// no configuration of the machine, and only the protocols that the instructions allow. A user name
// and password of the URL go through a file that only this user can read, for their own host only,
// never through arguments or the log. git follows no redirect itself: one of the repository's own
// URL is followed to the same host (a renamed repository, http to https), and never to another one,
// which could be a service that only this machine reaches. Submodules are fetched, `.git` is removed: the folder is a
// build context, as `docker build <git URL>` makes it.
//
// Failures. User: commit_not_found (the commit or ref does not exist), source_denied (the server
// wants another user), source_redirected (to another host), source_not_found (no such repository), protocol_not_allowed,
// submodule_failed. Infrastructure: source_unreachable, git_missing, no_space, git_failed.
//
// Thread safety: as run_process.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/build/build.hpp>

#include "worker/builder.hpp"

namespace slipway {

struct GitFetch {
  GitSource source;
  std::vector<std::string> protocols;  // "https", "ssh", "file", "git", "http"
  std::filesystem::path folder;        // made: the working tree
  std::filesystem::path scratch;       // exists: for what must not be in the tree
  /// Asks a URL that answered git with a redirect where to; nullopt: it does not tell. Without the
  /// function no redirect is followed.
  std::function<std::optional<std::string>(const std::string& url)> location_of = {};
};

Step<FetchedSource> fetch_git_source(const GitFetch& fetch, const BuildLog& log,
                                     std::stop_token stop);

/// What git's last words mean. `output` is all that git printed.
BuildFailure classify_git_failure(std::string_view output, std::string_view action);

/// The part of a redirect that git asks for: behind the URL of a repository.
inline constexpr std::string_view git_discovery = "/info/refs?service=git-upload-pack";

/// The repository's URL after a redirect of `url` to `location`; nullopt when it leads to another
/// host, or to nothing that git could ask.
std::optional<std::string> followed(std::string_view url, std::string_view location);

/// A URL without its user name and password, and these, decoded.
struct GitUrl {
  std::string url;
  std::string user;
  std::string password;
  std::string encoded_password;  // as it stood in the URL
  std::string protocol;  // "https", "ssh" (of git@host:path too), "file" (of a plain path too)
};
GitUrl split_git_url(std::string_view url);

}  // namespace slipway
