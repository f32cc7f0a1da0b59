#include "program/build_submit.hpp"

#include <unistd.h>

#include <slipway/core/quantity.hpp>
#include <slipway/core/reference.hpp>

#include <charconv>
#include <filesystem>

#include "build/build_json.hpp"
#include "build/build_secrets.hpp"
#include "json/writer.hpp"
#include "program/api_client.hpp"
#include "program/build_report.hpp"
#include "archive/context_source.hpp"
#include "program/log_follower.hpp"
#include "program/terminal_text.hpp"
#include "program/progress.hpp"
#include "program/secret_option.hpp"

namespace slipway {
namespace {

struct SubmitOptions {
  ClientOptions client;
  std::string repository;
  std::string git;
  std::string ref;
  std::string commit;
  std::string context;
  std::string context_digest;  // [REPO@]sha256:…
  std::string file;
  std::vector<std::string> arguments;  // K=V
  std::vector<std::string> secrets;    // id=ID,src=FILE
  std::string target;
  std::vector<std::string> platforms;
  std::vector<std::string> tags;
  std::string format;
  std::optional<int> priority;
  std::optional<std::chrono::milliseconds> timeout;
  std::optional<Timestamp> not_before;
  bool follow = false;
};

std::optional<int> parse_priority(std::string_view text) {
  int value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<std::string> parse_format(std::string_view text) {
  if (text != "oci" && text != "docker") return std::nullopt;
  return std::string(text);
}

/// Of "REPO@sha256:…" or "sha256:…".
std::string_view digest_part(std::string_view named) {
  return named.substr(named.find('@') + 1);  // npos + 1 is 0
}

/// What a person got wrong; nullopt when nothing.
std::optional<std::string> mistake_in(const SubmitOptions& options) {
  if (const auto name = RepositoryName::parse(options.repository); !name)
    return name.error().message;
  const auto sources = static_cast<int>(!options.git.empty()) +
                       static_cast<int>(!options.context.empty()) +
                       static_cast<int>(!options.context_digest.empty());
  if (sources != 1)
    return "slipway build submit: expected one source: --git URL, --context DIR or "
           "--context-digest REPO@sha256:...";
  if (options.git.empty() && (!options.ref.empty() || !options.commit.empty()))
    return "slipway build submit: --ref and --commit go with --git alone";
  if (!options.ref.empty() && !options.commit.empty())
    return "slipway build submit: expected one of --ref and --commit, got both";
  for (const std::string& argument : options.arguments)
    if (argument.find('=') == std::string::npos || argument.starts_with('='))
      return slipway::format("--build-arg: expected KEY=VALUE, got \"{}\"", argument);
  for (const std::string& tag : options.tags)
    if (!Tag::valid(tag)) return Tag::parse(tag).error().message;
  if (const std::string_view digest = digest_part(options.context_digest); !digest.empty())
    if (const auto parsed = Digest::parse(digest); !parsed)
      return slipway::format("--context-digest: {}", parsed.error().message);
  if (std::error_code error; !options.context.empty()) {
    const auto status = std::filesystem::status(options.context, error);
    if (!std::filesystem::is_directory(status) && !std::filesystem::is_regular_file(status))
      return slipway::format("--context {}: expected a folder or a tar", options.context);
  }
  return std::nullopt;
}

std::string repository_path(const SubmitOptions& options, std::string_view what) {
  return slipway::format("/api/v1/repositories/{}/{}", path_part(options.repository), what);
}

void write_texts(json::Writer& json, std::string_view name, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  json.key(name).begin_array();
  for (const std::string& text : texts) json.string(text);
  json.end_array();
}

/// A branch's short name is what people write: "main" is refs/heads/main.
std::string full_ref(const std::string& ref) {
  return ref.empty() || ref == "HEAD" || ref.starts_with("refs/") ? ref : "refs/heads/" + ref;
}

std::string git_source(const SubmitOptions& options) {
  json::Writer json;
  json.begin_object().key("git").begin_object().member("url", options.git);
  json.member_if("ref", full_ref(options.ref)).member_if("commit", options.commit);
  json.end_object().end_object();
  return json.take();
}

std::string registry_source(const SubmitOptions& options) {
  const std::string_view named = options.context_digest;
  json::Writer json;
  json.begin_object().key("context").begin_object();
  if (const std::size_t mark = named.find('@'); mark != std::string_view::npos)
    json.member("repository", named.substr(0, mark));
  json.member("digest", digest_part(named));
  json.end_object().end_object();
  return json.take();
}

std::string json_request(const SubmitOptions& options, std::string_view source,
                         const BuildSecrets& secrets) {
  json::Writer json;
  json.begin_object().key("source").raw(source);
  json.member_if("dockerfile", options.file).member_if("target", options.target);
  if (!options.arguments.empty()) {
    json.key("args").begin_object();
    for (const std::string& argument : options.arguments) {
      const std::size_t mark = argument.find('=');
      json.member(argument.substr(0, mark), argument.substr(mark + 1));
    }
    json.end_object();
  }
  write_texts(json, "platforms", options.platforms);
  write_texts(json, "tags", options.tags);
  json.member_if("format", options.format);
  if (options.priority) json.key("priority").number(*options.priority);
  if (options.timeout) json.member("timeout", format_duration(*options.timeout));
  if (options.not_before) json.member("not_before", to_rfc3339(*options.not_before));
  write_members(json, secrets);
  json.end_object();
  return json.take();
}

std::string context_query(const SubmitOptions& options) {
  std::string query;
  const auto add = [&query](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    query += slipway::format("{}{}={}", query.empty() ? "?" : "&", name, percent_encode(value));
  };
  add("file", options.file);
  add("target", options.target);
  for (const std::string& argument : options.arguments) add("build-arg", argument);
  for (const std::string& platform : options.platforms) add("platform", platform);
  for (const std::string& tag : options.tags) add("tag", tag);
  add("format", options.format);
  if (options.priority) add("priority", std::to_string(*options.priority));
  if (options.timeout) add("timeout", format_duration(*options.timeout));
  if (options.not_before) add("not-before", to_rfc3339(*options.not_before));
  return query;
}

/// Sends the context to where `path` says.
Result<std::string> send_context(const SubmitOptions& options, const ApiClient& client,
                                 const std::string& path) {
  SLIPWAY_TRY(const auto context,
              open_context(options.context, options.file.empty() ? "Dockerfile" : options.file));
  Progress progress("context", "sent", context->size());
  ApiClient::Upload upload;
  upload.content_type = context->media_type();
  upload.size = context->size();
  upload.source = [&](std::span<std::byte> out) -> Result<std::size_t> {
    SLIPWAY_TRY(const std::size_t count, context->read(out));
    progress.add(count);
    return count;
  };
  auto answer = client.post(path, std::move(upload));
  progress.end();
  return answer;
}

/// A secret goes in a body of its own, never in a query.
Result<std::string> submit_source(const SubmitOptions& options, const ApiClient& client) {
  SLIPWAY_TRY(const BuildSecrets secrets, read_secret_options(options.secrets));
  const std::string builds = repository_path(options, "builds");
  if (!options.context_digest.empty())
    return client.post(builds, json_request(options, registry_source(options), secrets));
  if (options.context.empty())
    return client.post(builds, json_request(options, git_source(options), secrets));
  if (secrets.empty()) return send_context(options, client, builds + context_query(options));
  SLIPWAY_TRY(const std::string context,
              send_context(options, client, repository_path(options, "contexts")));
  return client.post(builds, json_request(options, R"({"context":)" + context + "}", secrets));
}

/// The log goes where it does not mix with the JSON.
void print_log(bool json, std::string_view bytes) {
  if (!json)
    print(bytes);
  else if (::write(STDERR_FILENO, bytes.data(), bytes.size()) < 0)
    return;  // nobody reads it
}

Result<Build> follow_and_print(const ApiClient& client, const std::string& build, bool json) {
  TerminalText text(::isatty(json ? STDERR_FILENO : STDOUT_FILENO) == 1);
  auto ended = follow_build(client, build, [&](std::string_view bytes) {
    print_log(json, text.pass(bytes));
  });
  print_log(json, text.finish());
  return ended;
}

Result<ExitStatus> submit_with(const SubmitOptions& options, const ApiClient& client) {
  const bool json = options.client.json;
  SLIPWAY_TRY(const std::string answer, submit_source(options, client));
  SLIPWAY_TRY(const Build build, parse_build(answer));
  if (!options.follow) {
    print(json ? answer + "\n"
               : slipway::format("build {} {}\n", build.id, to_string(build.state)));
    return ExitStatus::done;
  }
  if (!json) print(slipway::format("build {} {}\n", build.id, to_string(build.state)));
  SLIPWAY_TRY(const Build ended, follow_and_print(client, build.id, json));
  print(json ? to_json(ended) + "\n" : build_outcome(ended, client.url()));
  return ended.state == BuildState::succeeded ? ExitStatus::done : ExitStatus::failed;
}

ExitStatus submit(const SubmitOptions& options) {
  if (const auto mistake = mistake_in(options)) return report_wrong_usage(*mistake);
  return with_client(options.client,
                     [&](const ApiClient& client) { return submit_with(options, client); });
}

}  // namespace

void add_build_submit_command(CLI::App& group, Command& command) {
  const auto [app, options] = add_command(group, "submit", "Build a source", command, submit);
  app->add_option("REPO", options->repository, "The repository that gets the image")->required();
  app->add_option("--git", options->git, "Clone this")->type_name("URL");
  app->add_option("--ref", options->ref, "A branch, or a ref in full (default the default branch)")
      ->type_name("REF");
  app->add_option("--commit", options->commit, "A commit's id in full")->type_name("SHA");
  app->add_option("--context", options->context, "Send this folder, or this tar")
      ->type_name("DIR|FILE");
  app->add_option("--context-digest", options->context_digest,
                  "A tar that is in the registry, by its digest or by that of an artifact whose only "
                  "layer it is")
      ->type_name("[REPO@]DIGEST");
  app->add_option("--file", options->file, "The Dockerfile (default Dockerfile)");
  app->add_option("--build-arg", options->arguments, "Repeatable")
      ->type_name("K=V")
      ->allow_extra_args(false);
  app->add_option("--secret", options->secrets,
                  "What RUN --mount=type=secret,id=ID reads; in no log, no image and no list. "
                  "Repeatable")
      ->type_name("id=ID,src=FILE")
      ->allow_extra_args(false);
  app->add_option("--target", options->target, "Build up to this stage")->type_name("STAGE");
  app->add_option("--platform", options->platforms, "Repeatable")
      ->type_name("OS/ARCH")
      ->allow_extra_args(false);
  app->add_option("--tag", options->tags, "Repeatable (default latest)")
      ->type_name("TAG")
      ->allow_extra_args(false);
  add_parsed(*app, "--format", {"oci|docker", "oci or docker"}, parse_format, options->format,
             "The image's format (default oci, or docker where the Dockerfile needs it)");
  add_parsed(*app, "--priority", {"N", "a whole number"}, parse_priority, options->priority,
             "Higher goes first within a tenant (default 0)");
  add_parsed(*app, "--timeout", {"DURATION", "a duration such as 90s or 1h"}, parse_duration,
             options->timeout, "How long the build may take");
  add_parsed(*app, "--not-before", {"TIME", "a time such as 2026-11-24T09:00:00Z"}, parse_rfc3339,
             options->not_before, "It waits until then");
  app->add_flag("--follow", options->follow,
                "Print the log until the build ends; exit status 1 when it did not succeed");
  add_client_options(*app, options->client);
}

}  // namespace slipway
