#include <utility>

#include <slipway/support/ulid.hpp>

#include "build/build_json.hpp"
#include "build/build_json_parts.hpp"

namespace slipway {

namespace {

using json::ObjectReader;
using json::Value;

constexpr UnknownMembers passed_over = UnknownMembers::ignored;

ObjectReader::Read times_into(BuildTimes& out) {
  return [&out](Value value, const std::string& path) {
    ObjectReader reader(value, path);
    reader.read("queued", json::time_into(out.queued));
    reader.read("leased", json::time_into(out.leased));
    reader.read("started", json::time_into(out.started));
    reader.read("registered", json::time_into(out.registered));
    reader.read("fetched", json::time_into(out.fetched));
    reader.read("built", json::time_into(out.built));
    reader.read("pushed", json::time_into(out.pushed));
    reader.read("finished", json::time_into(out.finished));
    return reader.finish();
  };
}

Result<BuildTrigger> read_trigger(Value value, const std::string& path) {
  ObjectReader reader(value, path);
  BuildTrigger trigger;
  reader.require("id", trigger.id);
  reader.require("provider", trigger.provider);
  reader.read("delivery", trigger.delivery);
  reader.read("supersede", trigger.supersede);
  SLIPWAY_CHECK(reader.finish());
  return trigger;
}

Result<BuildAttempt> read_attempt_of(Value value, const std::string& path) {
  ObjectReader reader(value, path);
  BuildAttempt attempt;
  reader.require("number", attempt.number);
  reader.require("epoch", attempt.epoch);
  reader.require("backend", attempt.backend);
  reader.require("worker", attempt.worker);
  reader.read("outcome", word_into(attempt.outcome, parse_attempt_outcome, "an outcome"));
  reader.read("reason", attempt.reason);
  reader.read("times", times_into(attempt.times));
  reader.read("usage", [&](Value usage, const std::string& inner) -> Result<void> {
    auto read = read_usage(usage);
    if (!read) return read.error().in(inner);
    attempt.usage = *read;
    return {};
  });
  SLIPWAY_CHECK(reader.finish());
  return attempt;
}

Result<BuildRequest> read_request_of_build(ObjectReader& reader, Value value) {
  std::string name;
  reader.require("repository", name);
  auto repository = RepositoryName::parse(name);
  if (!repository) return repository.error().in("repository");
  SLIPWAY_TRY(BuildSource source, read_source(value.find("source"), "source", passed_over));
  BuildRequest request(std::move(*repository), std::move(source));
  read_request_members(reader, request, passed_over);
  reader.read("trigger", [&](Value trigger, const std::string& path) -> Result<void> {
    SLIPWAY_TRY(request.trigger, read_trigger(trigger, path));
    return {};
  });
  reader.read_each("secrets", [&](Value secret, const std::string&) -> Result<void> {
    request.secrets.emplace_back(secret.find("id").text());
    return {};
  });
  return request;
}

void read_progress(ObjectReader& reader, Build& build) {
  reader.require("state", word_into(build.state, parse_build_state, "a state of builds"));
  reader.read("phase", word_into(build.phase, parse_build_phase, "a phase of builds"));
  reader.read("failure", [&](Value failure, const std::string& path) -> Result<void> {
    auto read = read_failure(failure);
    if (!read) return read.error().in(path);
    build.failure = std::move(*read);
    return {};
  });
  reader.read("cancel_reason", build.cancel_reason);
  reader.read("superseded_by", build.superseded_by);
  reader.read("digest", [&](Value digest, const std::string& path) -> Result<void> {
    SLIPWAY_TRY(build.digest, read_digest(digest, path));
    return {};
  });
  reader.read("epoch", build.epoch);
  reader.read("failed_attempts", build.failed_attempts);
  reader.read("not_before", json::time_into(build.not_before));
  reader.read("waiting_since", json::time_into(build.waiting_since));
  reader.read_each("attempts", [&](Value attempt, const std::string& path) -> Result<void> {
    SLIPWAY_TRY(BuildAttempt read, read_attempt_of(attempt, path));
    build.attempts.push_back(std::move(read));
    return {};
  });
  reader.read("times", times_into(build.times));
}

}  // namespace

Result<BuildFailure> read_failure(const Value& value) {
  ObjectReader reader(value, "");
  BuildFailure failure;
  reader.require("class", word_into(failure.failure_class, parse_failure_class,
                                    "\"user\", \"infrastructure\" or \"timeout\""));
  reader.require("reason", failure.reason);
  reader.read("message", failure.message);
  reader.read("exit_code", [&](Value code, const std::string& path) -> Result<void> {
    const auto number = code.as_int64();
    if (!number || !std::in_range<int>(*number)) return json::mistake(path, "an exit status", code);
    failure.exit_code = static_cast<int>(*number);
    return {};
  });
  SLIPWAY_CHECK(reader.finish());
  return failure;
}

Result<ResourceUsage> read_usage(const Value& value) {
  constexpr std::uint64_t most_milliseconds = std::uint64_t{1} << 53U;
  ObjectReader reader(value, "");
  std::uint64_t cpu = 0;
  ResourceUsage usage;
  reader.require("cpu_ms", cpu);
  reader.require("peak_memory_bytes", usage.peak_memory_bytes);
  reader.require("disk_bytes", usage.disk_bytes);
  SLIPWAY_CHECK(reader.finish());
  if (cpu > most_milliseconds) return json::mistake("cpu_ms", "a time", value.find("cpu_ms"));
  usage.cpu = std::chrono::milliseconds(static_cast<std::int64_t>(cpu));
  return usage;
}

Result<Build> read_build(const Value& value) {
  ObjectReader reader(value, "");
  std::string id;
  reader.require("id", id);
  SLIPWAY_TRY(BuildRequest request, read_request_of_build(reader, value));
  Build build(std::move(id), std::move(request));
  read_progress(reader, build);
  SLIPWAY_CHECK(reader.finish());
  if (!is_ulid(build.id)) return json::mistake("id", "a ULID", value.find("id"));
  return build;
}

Result<Build> parse_build(std::string_view json) {
  SLIPWAY_TRY(const json::Document document, json::Document::parse(json));
  return read_build(document.root());
}

}  // namespace slipway
