#include <slipway/auth/bearer_tokens.hpp>

#include <algorithm>
#include <array>
#include <mutex>
#include <unordered_map>
#include <utility>

#include <slipway/support/hasher.hpp>

#include "storage/key_space.hpp"
#include "storage/sealed_rows.hpp"

namespace slipway {
namespace {

constexpr std::string_view token_prefix = "slpb_";
constexpr char version = 1;
constexpr std::size_t code_size = 32;
constexpr std::size_t shortest = 1 + 8 + 1 + 1 + code_size;

/// So that the token, in base64, fits the field that carries it (authenticator.cpp).
constexpr std::size_t longest = 2900;

/// How many tokens are kept parsed; beyond that all are forgotten and parsed again.
constexpr std::size_t most_parsed = 4096;

constexpr std::array scope_actions{Action::pull, Action::push, Action::delete_};

char byte_of(const Actions& actions) noexcept {
  unsigned bits = 0;
  for (std::size_t i = 0; i < scope_actions.size(); ++i)
    if (actions.has(scope_actions[i])) bits |= 1U << i;
  return static_cast<char>(bits);
}

Actions actions_of(char byte) {
  Actions actions;
  for (std::size_t i = 0; i < scope_actions.size(); ++i)
    if ((static_cast<unsigned char>(byte) >> i & 1U) != 0) actions.add(scope_actions[i]);
  return actions;
}

struct Contents {
  Timestamp expires;
  std::string reference;
  std::shared_ptr<const TokenScopes> scopes;
};

/// Takes a size and as many bytes off the front. REQUIRES: what we signed, so nothing is missing.
std::string_view take_sized(std::string_view& bytes) {
  const auto size = static_cast<std::uint8_t>(bytes.front());
  const std::string_view part = bytes.substr(1, size);
  bytes.remove_prefix(1 + part.size());
  return part;
}

Contents parse(std::string_view payload) {
  Contents contents;
  contents.expires =
      Timestamp(std::chrono::milliseconds(key_space::read_number(payload, sizeof version)));
  payload.remove_prefix(sizeof version + 8);
  contents.reference = take_sized(payload);
  TokenScopes scopes;
  scopes.catalog = payload.front() != 0;
  payload.remove_prefix(1);
  while (!payload.empty()) {
    const std::string_view name = take_sized(payload);
    scopes.repositories.push_back({std::string(name), actions_of(payload.front())});
    payload.remove_prefix(1);
  }
  contents.scopes = std::make_shared<const TokenScopes>(std::move(scopes));
  return contents;
}

std::string code_of(std::string_view key, std::string_view payload) {
  const auto code = hmac_sha256(key, payload);
  return std::string(code.begin(), code.end());
}

/// nullptr: not a token that this key signed.
std::shared_ptr<const Contents> open_token(std::string_view key, std::string_view text) {
  std::string bytes;
  if (!base64url_decode(text, bytes) || bytes.size() < shortest || bytes.size() > longest)
    return nullptr;
  const std::string_view payload = std::string_view(bytes).substr(0, bytes.size() - code_size);
  if (!equal_in_constant_time(code_of(key, payload),
                              std::string_view(bytes).substr(payload.size())) ||
      payload.front() != version)
    return nullptr;
  return std::make_shared<const Contents>(parse(payload));
}

}  // namespace

/// What tokens say whose codes were found right, by the SHA-256 of their texts.
class BearerTokens::Parsed {
 public:
  std::shared_ptr<const Contents> find(const Digest& text) {
    const std::lock_guard lock(mutex_);
    const auto found = all_.find(text);
    return found != all_.end() ? found->second : nullptr;
  }

  void keep(const Digest& text, std::shared_ptr<const Contents> contents) {
    const std::lock_guard lock(mutex_);
    if (all_.size() >= most_parsed) all_.clear();
    all_.insert_or_assign(text, std::move(contents));
  }

 private:
  std::mutex mutex_;
  std::unordered_map<Digest, std::shared_ptr<const Contents>> all_;  // guarded by mutex_
};

BearerTokens::BearerTokens(Clock& clock, std::vector<const CredentialVerifier*> verifiers,
                           std::chrono::seconds lifetime, std::string key)
    : clock_(clock),
      verifiers_(std::move(verifiers)),
      lifetime_(std::max(lifetime, shortest_bearer_lifetime)),
      key_(std::move(key)),
      parsed_(std::make_unique<Parsed>()) {}

BearerTokens::~BearerTokens() = default;

Result<std::unique_ptr<BearerTokens>> BearerTokens::open(
    MetadataStore& metadata, Clock& clock, std::vector<const CredentialVerifier*> verifiers,
    std::chrono::seconds lifetime) {
  SLIPWAY_TRY(std::string key, sealed_rows::random_key(metadata, "bearers"));
  return std::unique_ptr<BearerTokens>(
      new BearerTokens(clock, std::move(verifiers), lifetime, std::move(key)));
}

Result<std::string> BearerTokens::issue(std::string_view secret, const TokenScopes& granted) const {
  std::optional<std::string> reference;
  if (secret.empty()) reference.emplace();
  for (const CredentialVerifier* verifier : verifiers_)
    if (!reference) reference = verifier->reference_of(secret);
  if (!reference)
    return Error(ErrorCode::unauthenticated,
                 "no bearer token is given for this; send the token that it would be derived from");

  std::string bytes(1, version);
  key_space::append_number(
      bytes, static_cast<std::uint64_t>((clock_.now() + lifetime_).time_since_epoch().count()));
  const auto append_sized = [&bytes](std::string_view part) {
    bytes.push_back(static_cast<char>(part.size()));
    bytes.append(part);
  };
  append_sized(*reference);
  bytes.push_back(granted.catalog ? 1 : 0);
  for (const Grant& grant : granted.repositories) {
    append_sized(grant.repositories);
    bytes.push_back(byte_of(grant.actions));
  }
  bytes.append(code_of(key_, bytes));
  if (bytes.size() > longest)
    return Error(ErrorCode::too_large,
                 "the scopes do not fit one bearer token; ask for fewer repositories at once");
  return std::string(token_prefix).append(base64url_encode(bytes));
}

Result<std::optional<Identity>> BearerTokens::verify(std::string_view token) const {
  using Answer = std::optional<Identity>;
  if (!token.starts_with(token_prefix)) return Answer();
  const Digest text = digest_of(token);
  auto contents = parsed_->find(text);
  if (contents == nullptr) {
    contents = open_token(key_, token.substr(token_prefix.size()));
    if (contents == nullptr) return Answer();
    parsed_->keep(text, contents);
  }
  if (contents->expires <= clock_.now()) return Answer();

  Answer identity;
  if (contents->reference.empty()) identity.emplace();
  for (const CredentialVerifier* verifier : verifiers_) {
    if (identity) break;
    SLIPWAY_TRY(identity, verifier->recall(contents->reference));
  }
  if (identity) identity->scopes = contents->scopes;
  return identity;
}

}  // namespace slipway
