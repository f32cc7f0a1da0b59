#include "build/build_json_parts.hpp"

#include <limits>

#include <slipway/core/quantity.hpp>

namespace slipway {

namespace {

std::optional<ImageFormat> parse_format(std::string_view text) {
  if (text == "oci") return ImageFormat::oci;
  if (text == "docker") return ImageFormat::docker;
  return std::nullopt;
}

json::ObjectReader::Read person_into(std::optional<Person>& out, UnknownMembers unknown) {
  return [&out, unknown](json::Value value, const std::string& path) -> Result<void> {
    json::ObjectReader reader(value, path);
    Person person;
    reader.read("name", person.name);
    reader.read("email", person.email);
    reader.read("username", person.username);
    reader.read("avatar_url", person.avatar_url);
    SLIPWAY_CHECK(reader.finish(unknown));
    out = std::move(person);
    return {};
  };
}

/// Whole seconds, or a text such as "1h".
Result<void> read_timeout(json::Value value, const std::string& path,
                          std::optional<std::chrono::seconds>& out) {
  constexpr std::uint64_t longest = std::numeric_limits<std::int32_t>::max();
  if (const auto seconds = value.as_uint64(); seconds && *seconds <= longest) {
    out = std::chrono::seconds(static_cast<std::int64_t>(*seconds));
    return {};
  }
  const auto text = value.as_string();
  const auto duration = text ? parse_duration(*text) : std::nullopt;
  if (!duration) return json::mistake(path, "a duration such as \"1h\", or whole seconds", value);
  out = std::chrono::ceil<std::chrono::seconds>(*duration);
  return {};
}

Result<ContextSource> read_context_source(json::Value value, const std::string& path,
                                          UnknownMembers unknown) {
  json::ObjectReader reader(value, path);
  const auto digest_into = [](std::optional<Digest>& out) {
    return [&out](json::Value text, const std::string& at) -> Result<void> {
      SLIPWAY_TRY(out, read_digest(text, at));
      return {};
    };
  };
  std::optional<Digest> digest, manifest;
  std::optional<RepositoryName> repository;
  std::string media_type;
  reader.require("digest", digest_into(digest));
  reader.read("media_type", media_type);
  reader.read("repository", [&](json::Value name, const std::string& at) -> Result<void> {
    auto parsed = RepositoryName::parse(name.text());
    if (!parsed) return parsed.error().in(at);
    repository = std::move(*parsed);
    return {};
  });
  if (unknown == UnknownMembers::ignored) reader.read("manifest", digest_into(manifest));
  SLIPWAY_CHECK(reader.finish(unknown));
  return ContextSource{*digest, std::move(media_type), std::move(repository), manifest};
}

}  // namespace

Result<Digest> read_digest(json::Value value, const std::string& path) {
  auto digest = Digest::parse(value.text());
  if (!digest) return digest.error().in(path);
  return digest;
}

Result<BuildSource> read_source(json::Value value, const std::string& path,
                                UnknownMembers unknown) {
  json::ObjectReader reader(value, path);
  std::optional<BuildSource> source;
  reader.read("git", [&](json::Value git, const std::string& git_path) -> Result<void> {
    SLIPWAY_TRY(source, read_git_source(git, git_path, unknown));
    return {};
  });
  reader.read("context", [&](json::Value context, const std::string& inner) -> Result<void> {
    if (source) return Error(ErrorCode::invalid_argument, path + ": expected one source, got two");
    SLIPWAY_TRY(source, read_context_source(context, inner, unknown));
    return {};
  });
  SLIPWAY_CHECK(reader.finish(unknown));
  if (!source) return json::mistake(path, "an object with git or context", value);
  return std::move(*source);
}

Result<GitSource> read_git_source(json::Value value, const std::string& path,
                                  UnknownMembers unknown) {
  json::ObjectReader reader(value, path);
  GitSource git;
  reader.require("url", git.url);
  reader.read("ref", git.ref);
  reader.read("commit", git.commit);
  if (unknown == UnknownMembers::ignored) reader.read("credentials", git.credentials);
  SLIPWAY_CHECK(reader.finish(unknown));
  return git;
}

Result<CommitInfo> read_commit(json::Value value, const std::string& path, UnknownMembers unknown) {
  json::ObjectReader reader(value, path);
  CommitInfo commit;
  reader.read("id", commit.id);
  reader.read("message", commit.message);
  reader.read("url", commit.url);
  reader.read("timestamp", commit.timestamp);
  reader.read("author", person_into(commit.author, unknown));
  reader.read("committer", person_into(commit.committer, unknown));
  SLIPWAY_CHECK(reader.finish(unknown));
  return commit;
}

void read_request_members(json::ObjectReader& reader, BuildRequest& request,
                          UnknownMembers unknown) {
  reader.read("commit", [&](json::Value value, const std::string& path) -> Result<void> {
    SLIPWAY_TRY(request.commit, read_commit(value, path, unknown));
    return {};
  });
  reader.read("context", request.context);
  reader.read("dockerfile", request.dockerfile);
  reader.read("target", request.target);
  reader.read("args", request.args);
  reader.read("labels", request.labels);
  reader.read("platforms", request.platforms);
  reader.read("tags", request.tags);
  reader.read("format", word_into(request.format, parse_format, "\"oci\" or \"docker\""));
  reader.read("priority", request.priority);
  reader.read("timeout", [&](json::Value value, const std::string& path) {
    return read_timeout(value, path, request.timeout);
  });
}

}  // namespace slipway
