// Commit statuses: what a build's state looks like in each provider's API.
//
//   github     https://docs.github.com/en/rest/commits/statuses
//   gitlab     https://docs.gitlab.com/api/commits/#set-commit-pipeline-status
//   gitea      https://docs.gitea.com/api (repoCreateStatus); Forgejo's is the same
//   bitbucket  https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commit-statuses/
//
// Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <slipway/build/build.hpp>
#include <slipway/build/trigger.hpp>
#include <slipway/core/result.hpp>

namespace slipway {

/// A POST.
struct StatusRequest {
  std::string url;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
};

/// Where a trigger's provider takes statuses, by its git URL: of github.com, gitlab.com and
/// bitbucket.org their own, else the provider's usual path on the same host, over https.
/// Errors: invalid_argument (the URL names no host and repository), unsupported (custom).
Result<std::string> usual_status_api(GitProvider provider, std::string_view git_url);

/// The state that the build is in. `details_url` is for people. REQUIRES: the trigger has a token,
/// and the build a commit. Errors: as usual_status_api.
Result<StatusRequest> commit_status_request(const Trigger& trigger, const Build& build,
                                            std::string_view details_url);

}  // namespace slipway
