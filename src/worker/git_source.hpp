// Fetching one commit of a git repository, and no more of it than is needed.
//
// `git fetch --depth 1` of the commit itself; a server that refuses objects it did not advertise is
// asked for the ref, with growing depth, until the commit is there. git gets no terminal, no hooks,
// no configuration of the machine, and only the protocols that the instructions allow. A user name
// and password of the URL go through a file that only this user can read, for their own host only,
// never through arguments or the log. Submodules are fetched, `.git` is removed: the folder is a
// build context, as `docker build <git URL>` makes it.
//
// Failures. User: commit_not_found (the commit or ref does not exist), source_denied (the server
// wants another user), source_not_found (no such repository), protocol_not_allowed,
// submodule_failed. Infrastructure: source_unreachable, git_missing, no_space, git_failed.
//
// Thread safety: as run_process.
#pragma once

#include <filesystem>
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
};

Step<FetchedSource> fetch_git_source(const GitFetch& fetch, const BuildLog& log,
                                     std::stop_token stop);

/// What git's last words mean. `output` is all that git printed.
BuildFailure classify_git_failure(std::string_view output, std::string_view action);

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
