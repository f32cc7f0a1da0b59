#include <slipway/build/worker_protocol.hpp>

#include "build/build_json.hpp"
#include "build/build_json_parts.hpp"
#include "build/build_secrets.hpp"
#include "json/writer.hpp"

namespace slipway {

namespace {

using json::ObjectReader;
using json::Value;

/// Errors: invalid_argument.
Result<std::chrono::milliseconds> positive(std::uint64_t milliseconds, std::string_view member) {
  constexpr std::uint64_t longest = std::uint64_t{1000} * 3600 * 24 * 365;
  if (milliseconds == 0 || milliseconds > longest)
    return Error(ErrorCode::invalid_argument,
                 slipway::format("{}: {} is not a time to wait", member, milliseconds));
  return std::chrono::milliseconds(static_cast<std::int64_t>(milliseconds));
}

}  // namespace

std::string to_json(const RegisterCall& call) {
  json::Writer out;
  out.begin_object().member("registration_token", call.registration_token);
  out.member("nonce", call.nonce).member_if("platform", call.platform).end_object();
  return out.take();
}

std::string to_json(const WorkerInstructions& instructions) {
  json::Writer out;
  write_json(out.begin_object().key("build"), instructions.build);
  out.member("token", instructions.token).member("registry", instructions.registry);
  out.key("registry_secure").boolean(instructions.registry_secure);
  out.key("log_offset").number(instructions.log_offset);
  out.key("timeout").number(static_cast<std::int64_t>(instructions.timeout.count()));
  out.key("heartbeat_interval_ms")
      .number(static_cast<std::int64_t>(instructions.heartbeat_interval.count()));
  out.key("git_protocols").begin_array();
  for (const std::string& protocol : instructions.git_protocols) out.string(protocol);
  out.end_array();
  write_members(out, instructions.secrets);
  if (!instructions.registries.empty()) {
    out.key("registries").begin_array();
    for (const RegistryLogin& login : instructions.registries)
      out.begin_object()
          .member("host", login.host)
          .member("username", login.username)
          .member("password", login.password)
          .end_object();
    out.end_array();
  }
  out.member_if("layer_cache", instructions.layer_cache);
  out.end_object();
  return out.take();
}

std::string to_json(const PhaseCall& call) {
  json::Writer out;
  out.begin_object().member("phase", to_string(call.phase));
  out.member_if("commit", call.commit).end_object();
  return out.take();
}

std::string to_json(const FinishCall& call) {
  json::Writer out;
  out.begin_object();
  if (call.digest) out.member("digest", call.digest->to_string());
  if (call.failure) write_json(out.key("failure"), *call.failure);
  if (call.usage) write_json(out.key("usage"), *call.usage);
  out.end_object();
  return out.take();
}

Result<RegisterCall> parse_register_call(std::string_view json) {
  SLIPWAY_TRY(const json::Document document, json::Document::parse(json));
  ObjectReader reader(document.root(), "");
  RegisterCall call;
  reader.require("registration_token", call.registration_token);
  reader.require("nonce", call.nonce);
  reader.read("platform", call.platform);
  SLIPWAY_CHECK(reader.finish());
  return call;
}

Result<WorkerInstructions> parse_worker_instructions(std::string_view json) {
  SLIPWAY_TRY(const json::Document document, json::Document::parse(json));
  ObjectReader reader(document.root(), "");
  auto build = read_build(document.root().find("build"));
  if (!build) return build.error().in("build");
  WorkerInstructions instructions(std::move(*build));
  std::uint64_t timeout = 0;
  std::uint64_t heartbeat = 0;
  reader.require("token", instructions.token);
  reader.require("registry", instructions.registry);
  reader.read("registry_secure", instructions.registry_secure);
  reader.require("log_offset", instructions.log_offset);
  reader.require("timeout", timeout);
  reader.require("heartbeat_interval_ms", heartbeat);
  reader.read("git_protocols", instructions.git_protocols);
  read_members(reader, instructions.secrets);
  reader.read_each("registries", [&](Value value, const std::string& path) -> Result<void> {
    ObjectReader login(value, path);
    RegistryLogin& read = instructions.registries.emplace_back();
    login.require("host", read.host);
    login.require("username", read.username);
    login.require("password", read.password);
    return login.finish();
  });
  reader.read("layer_cache", instructions.layer_cache);
  SLIPWAY_CHECK(reader.finish());
  SLIPWAY_CHECK(positive(timeout, "timeout"));
  instructions.timeout = std::chrono::seconds(static_cast<std::int64_t>(timeout));
  SLIPWAY_TRY(instructions.heartbeat_interval, positive(heartbeat, "heartbeat_interval_ms"));
  return instructions;
}

Result<PhaseCall> parse_phase_call(std::string_view json) {
  SLIPWAY_TRY(const json::Document document, json::Document::parse(json));
  ObjectReader reader(document.root(), "");
  PhaseCall call;
  reader.require("phase", word_into(call.phase, parse_build_phase,
                                    "\"fetching\", \"building\" or \"pushing\""));
  reader.read("commit", call.commit);
  SLIPWAY_CHECK(reader.finish());
  return call;
}

Result<FinishCall> parse_finish_call(std::string_view json) {
  SLIPWAY_TRY(const json::Document document, json::Document::parse(json));
  ObjectReader reader(document.root(), "");
  FinishCall call;
  reader.read("digest", [&](Value value, const std::string& path) -> Result<void> {
    auto digest = Digest::parse(value.text());
    if (!digest) return digest.error().in(path);
    call.digest = *digest;
    return {};
  });
  reader.read("failure", [&](Value value, const std::string& path) -> Result<void> {
    auto failure = read_failure(value);
    if (!failure) return failure.error().in(path);
    call.failure = std::move(*failure);
    return {};
  });
  reader.read("usage", [&](Value value, const std::string& path) -> Result<void> {
    auto usage = read_usage(value);
    if (!usage) return usage.error().in(path);
    call.usage = *usage;
    return {};
  });
  SLIPWAY_CHECK(reader.finish());
  if (call.digest.has_value() == call.failure.has_value())
    return Error(ErrorCode::invalid_argument, "expected exactly one of digest and failure");
  return call;
}

}  // namespace slipway
