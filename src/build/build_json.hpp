// The one JSON form of a build, in the API, in the store, between server and worker, and on the
// command line: docs/builds.md. Nothing in it is a secret.
//
// Reading a build passes over members that it does not know, because a newer version may have
// written them; reading a person's request refuses them, because they are mistakes.
//
// Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>

#include <slipway/build/build.hpp>
#include <slipway/build/build_secrets.hpp>
#include <slipway/core/result.hpp>

namespace slipway {

namespace json {
class Value;
class Writer;
}  // namespace json

/// One object; its members alone.
void write_json(json::Writer& out, const Build& build);
void write_members(json::Writer& out, const Build& build);
std::string to_json(const Build& build);
void write_json(json::Writer& out, const BuildFailure& failure);
void write_json(json::Writer& out, const ResourceUsage& usage);

/// Errors: invalid_argument (which member), too_large.
Result<Build> parse_build(std::string_view json);
Result<Build> read_build(const json::Value& value);
Result<BuildFailure> read_failure(const json::Value& value);
Result<ResourceUsage> read_usage(const json::Value& value);

/// What a person submits.
struct BuildSubmission {
  BuildRequest request;
  BuildSecrets secrets;
  /// The context is only named, without its media type or with its repository: find_context
  /// (registry_context.hpp) makes it whole.
  bool find_context = false;
};

/// The body of POST /api/v1/repositories/{name}/builds: members source (git: url, ref, commit; or
/// context: digest, media_type, repository), commit, context, dockerfile, target, args, labels, platforms,
/// tags, format, priority, timeout ("1h", or whole seconds), secrets (id, value in base64),
/// not_before (RFC 3339). A git source without ref and commit is of the ref HEAD.
/// Errors: invalid_argument (which member), too_large.
Result<BuildSubmission> parse_build_submission(const RepositoryName& repository,
                                               std::string_view json);

/// Is the request one that a worker can carry out? Whoever submits is checked by this.
/// Errors: invalid_argument (which member).
Result<void> check_build_request(const BuildRequest& request);

}  // namespace slipway
