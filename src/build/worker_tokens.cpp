#include <slipway/build/worker_tokens.hpp>

#include <utility>
#include <vector>

#include <slipway/core/reference.hpp>
#include <slipway/support/hasher.hpp>
#include <slipway/support/ulid.hpp>

#include "build/attempt_row.hpp"
#include "storage/key_space.hpp"
#include "storage/sealed_rows.hpp"
#include "support/format.hpp"

namespace slipway {

namespace {

constexpr std::string_view token_prefix = "slpw_";
constexpr char reference_letter = 'w';
constexpr std::size_t signed_size = ulid_size + 8;
constexpr std::size_t code_size = 32;

std::string code_of(std::string_view key, std::string_view signed_part) {
  const auto code = hmac_sha256(key, signed_part);
  return std::string(code.begin(), code.end());
}

Identity identity_of(std::string_view build, const AttemptRow& attempt) {
  const std::string_view tenant =
      std::string_view(attempt.repository).substr(0, attempt.repository.find('/'));
  Identity identity;
  identity.kind = Identity::Kind::worker;
  identity.name = build;
  identity.build = build;
  identity.epoch = attempt.epoch;
  std::vector<Grant> grants{Grant{attempt.repository, {Action::pull, Action::push}},
                            Grant{std::string(tenant), {Action::pull}},
                            Grant{std::string(tenant).append("/**"), {Action::pull}}};
  if (std::string cache = layer_cache_of(attempt.repository); !cache.empty())
    grants.push_back(Grant{std::move(cache), {Action::pull, Action::push}});
  identity.grants = std::move(grants);
  identity.guard = guard_of_attempt(build, attempt.epoch);
  return identity;
}

}  // namespace

std::string layer_cache_of(std::string_view repository) {
  std::string name = std::string(repository).append("/layer-cache");
  return RepositoryName::parse(name) ? name : std::string();
}

Result<std::unique_ptr<WorkerTokens>> WorkerTokens::open(MetadataStore& metadata) {
  SLIPWAY_TRY(std::string key, sealed_rows::random_key(metadata, "workers"));
  return std::unique_ptr<WorkerTokens>(new WorkerTokens(metadata, std::move(key)));
}

WorkerTokens::WorkerTokens(MetadataStore& metadata, std::string key)
    : metadata_(metadata), key_(std::move(key)) {}

std::string WorkerTokens::issue(std::string_view build, std::uint64_t epoch) const {
  std::string bytes(build);
  key_space::append_number(bytes, epoch);
  bytes.append(code_of(key_, bytes));
  return std::string(token_prefix).append(base64url_encode(bytes));
}

std::optional<std::string> WorkerTokens::reference_of(std::string_view secret) const {
  constexpr std::size_t longest = 200;
  std::string bytes;
  if (!secret.starts_with(token_prefix) || secret.size() > longest ||
      !base64url_decode(secret.substr(token_prefix.size()), bytes) ||
      bytes.size() != signed_size + code_size)
    return std::nullopt;
  const std::string_view signed_part = std::string_view(bytes).substr(0, signed_size);
  if (!equal_in_constant_time(code_of(key_, signed_part),
                              std::string_view(bytes).substr(signed_size)))
    return std::nullopt;
  return std::string(1, reference_letter).append(signed_part);
}

Result<std::optional<Identity>> WorkerTokens::recall(std::string_view reference) const {
  using Answer = std::optional<Identity>;
  if (!reference.starts_with(reference_letter) || reference.size() != 1 + signed_size)
    return Answer();
  const std::string_view build = reference.substr(1, ulid_size);
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  SLIPWAY_TRY(const auto attempt, read_attempt(*view, build));
  if (!attempt || attempt->epoch != key_space::read_number(reference, 1 + ulid_size))
    return Answer();
  return Answer(identity_of(build, *attempt));
}

Result<std::optional<Identity>> WorkerTokens::verify(std::string_view secret) const {
  const auto reference = reference_of(secret);
  if (!reference) return std::optional<Identity>();
  return recall(*reference);
}

}  // namespace slipway
