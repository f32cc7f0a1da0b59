#include <variant>

#include "build/build_json.hpp"
#include "json/writer.hpp"

namespace slipway {

namespace {

void write_time(json::Writer& out, std::string_view name, const std::optional<Timestamp>& time) {
  if (time) out.member(name, to_rfc3339(*time));
}

void write_times(json::Writer& out, const BuildTimes& times) {
  if (times == BuildTimes()) return;
  out.key("times").begin_object();
  write_time(out, "queued", times.queued);
  write_time(out, "leased", times.leased);
  write_time(out, "started", times.started);
  write_time(out, "registered", times.registered);
  write_time(out, "fetched", times.fetched);
  write_time(out, "built", times.built);
  write_time(out, "pushed", times.pushed);
  write_time(out, "finished", times.finished);
  out.end_object();
}

void write_texts(json::Writer& out, std::string_view name, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  out.key(name).begin_array();
  for (const std::string& text : texts) out.string(text);
  out.end_array();
}

void write_texts(json::Writer& out, std::string_view name,
                 const std::map<std::string, std::string>& texts) {
  if (texts.empty()) return;
  out.key(name).begin_object();
  for (const auto& [key, value] : texts) out.member(key, value);
  out.end_object();
}

void write_source(json::Writer& out, const BuildSource& source) {
  out.key("source").begin_object();
  if (const auto* git = std::get_if<GitSource>(&source)) {
    out.key("git").begin_object().member("url", git->url);
    out.member_if("ref", git->ref).member_if("commit", git->commit);
    if (git->credentials) out.key("credentials").boolean(true);
  } else {
    const auto& context = std::get<ContextSource>(source);
    out.key("context").begin_object().member("digest", context.digest.to_string());
    out.member("media_type", context.media_type);
    if (context.repository) out.member("repository", context.repository->str());
    if (context.manifest) out.member("manifest", context.manifest->to_string());
  }
  out.end_object().end_object();
}

void write_person(json::Writer& out, std::string_view name, const std::optional<Person>& person) {
  if (!person) return;
  out.key(name).begin_object();
  out.member_if("name", person->name).member_if("email", person->email);
  out.member_if("username", person->username).member_if("avatar_url", person->avatar_url);
  out.end_object();
}

void write_commit(json::Writer& out, const CommitInfo& commit) {
  out.key("commit").begin_object();
  out.member_if("id", commit.id).member_if("message", commit.message);
  out.member_if("url", commit.url).member_if("timestamp", commit.timestamp);
  write_person(out, "author", commit.author);
  write_person(out, "committer", commit.committer);
  out.end_object();
}

void write_trigger(json::Writer& out, const BuildTrigger& trigger) {
  out.key("trigger").begin_object().member("id", trigger.id).member("provider", trigger.provider);
  out.member_if("delivery", trigger.delivery);
  if (trigger.supersede) out.key("supersede").boolean(true);
  out.end_object();
}

void write_request(json::Writer& out, const BuildRequest& request) {
  write_source(out, request.source);
  if (request.commit) write_commit(out, *request.commit);
  if (request.trigger) write_trigger(out, *request.trigger);
  out.member("context", request.context).member("dockerfile", request.dockerfile);
  out.member_if("target", request.target);
  write_texts(out, "args", request.args);
  write_texts(out, "labels", request.labels);
  write_texts(out, "platforms", request.platforms);
  write_texts(out, "tags", request.tags);
  if (!request.secrets.empty()) {
    out.key("secrets").begin_array();
    for (const std::string& id : request.secrets)
      out.begin_object().member("id", id).end_object();
    out.end_array();
  }
  if (request.format != ImageFormat::automatic)
    out.member("format", request.format == ImageFormat::oci ? "oci" : "docker");
  if (request.priority != 0) out.key("priority").number(request.priority);
  if (request.timeout)
    out.key("timeout").number(static_cast<std::int64_t>(request.timeout->count()));
}

void write_attempt(json::Writer& out, const BuildAttempt& attempt) {
  out.begin_object().key("number").number(attempt.number).key("epoch").number(attempt.epoch);
  out.member("backend", attempt.backend).member("worker", attempt.worker);
  if (attempt.outcome) out.member("outcome", to_string(*attempt.outcome));
  out.member_if("reason", attempt.reason);
  write_times(out, attempt.times);
  if (attempt.usage) write_json(out.key("usage"), *attempt.usage);
  out.end_object();
}

}  // namespace

void write_json(json::Writer& out, const BuildFailure& failure) {
  out.begin_object().member("class", to_string(failure.failure_class));
  out.member("reason", failure.reason).member_if("message", failure.message);
  if (failure.exit_code) out.key("exit_code").number(*failure.exit_code);
  out.end_object();
}

void write_json(json::Writer& out, const ResourceUsage& usage) {
  out.begin_object().key("cpu_ms").number(static_cast<std::int64_t>(usage.cpu.count()));
  out.key("peak_memory_bytes").number(usage.peak_memory_bytes);
  out.key("disk_bytes").number(usage.disk_bytes).end_object();
}

void write_json(json::Writer& out, const Build& build) {
  out.begin_object();
  write_members(out, build);
  out.end_object();
}

void write_members(json::Writer& out, const Build& build) {
  out.member("id", build.id);
  out.member("repository", build.request.repository.str()).member("tenant", build.tenant());
  out.member("state", to_string(build.state));
  if (build.phase) out.member("phase", to_string(*build.phase));
  if (build.failure) write_json(out.key("failure"), *build.failure);
  out.member_if("cancel_reason", build.cancel_reason);
  out.member_if("superseded_by", build.superseded_by);
  write_request(out, build.request);
  if (build.digest) out.member("digest", build.digest->to_string());
  if (build.epoch > 0) out.key("epoch").number(build.epoch);
  if (build.failed_attempts > 0) out.key("failed_attempts").number(build.failed_attempts);
  write_time(out, "not_before", build.not_before);
  write_time(out, "waiting_since", build.waiting_since);
  if (!build.attempts.empty()) {
    out.key("attempts").begin_array();
    for (const BuildAttempt& attempt : build.attempts) write_attempt(out, attempt);
    out.end_array();
  }
  write_times(out, build.times);
}

std::string to_json(const Build& build) {
  json::Writer out;
  write_json(out, build);
  return out.take();
}

}  // namespace slipway
