// What a worker and its server say to each other, as values.
//
// All calls are under <server>/worker/v1/. The first trades the registration token; the others
// carry the worker's token as Bearer. The JSON of each is in docs/builds.md.
//
//   POST register                       RegisterCall         -> WorkerInstructions
//   POST builds/{id}/heartbeat          {}                   -> 200 {}, or 409: stop
//   POST builds/{id}/phase              PhaseCall            -> 200 {}, or 409: stop
//   POST builds/{id}/log?offset=N       bytes                -> 200 {"size": N}, 416 {"size": N}
//   GET  builds/{id}/context            the uploaded context's bytes
//   POST builds/{id}/finish             FinishCall           -> 200 {}, or 409: stop
//
// Each may be repeated when its answer was lost.
//
// Thread safety: plain values and pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <slipway/build/build.hpp>
#include <slipway/build/build_secrets.hpp>
#include <slipway/core/result.hpp>

namespace slipway {

struct RegisterCall {
  std::string registration_token;
  std::string nonce;     // random, the worker's own: see BuildQueue::register_worker
  std::string platform;  // what it runs on: "linux/amd64"
};

/// What a tenant pulls base images from another registry with.
struct RegistryLogin {
  std::string host;  // "docker.io", "registry.example.com:5000"
  std::string username;
  std::string password;

  friend bool operator==(const RegistryLogin&, const RegistryLogin&) = default;
};

struct WorkerInstructions {
  Build build;
  std::string token;
  std::string registry;  // host:port (or host) to pull from and push to
  bool registry_secure = false;  // over TLS
  std::uint64_t log_offset = 0;
  std::chrono::seconds timeout{};
  std::chrono::milliseconds heartbeat_interval{};
  std::vector<std::string> git_protocols;
  BuildSecrets secrets;
  std::vector<RegistryLogin> registries;  // the tenant's, at other registries
  std::string layer_cache;  // a repository of the registry; empty: there is none

  explicit WorkerInstructions(Build what) : build(std::move(what)) {}
};

struct PhaseCall {
  BuildPhase phase = BuildPhase::fetching;
  std::string commit;  // what a ref turned out to be
};

/// Exactly one of digest and failure.
struct FinishCall {
  std::optional<Digest> digest;
  std::optional<BuildFailure> failure;
  std::optional<ResourceUsage> usage = {};
};

std::string to_json(const RegisterCall& call);
std::string to_json(const WorkerInstructions& instructions);
std::string to_json(const PhaseCall& call);
std::string to_json(const FinishCall& call);

/// Errors: invalid_argument (which field), too_large.
Result<RegisterCall> parse_register_call(std::string_view json);
Result<WorkerInstructions> parse_worker_instructions(std::string_view json);
Result<PhaseCall> parse_phase_call(std::string_view json);
Result<FinishCall> parse_finish_call(std::string_view json);

}  // namespace slipway
