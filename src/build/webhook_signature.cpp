#include <array>
#include <string>

#include <slipway/build/trigger.hpp>
#include <slipway/core/hex.hpp>
#include <slipway/support/hasher.hpp>

#include "build/webhook.hpp"

namespace slipway {
namespace {

/// Where a provider puts the HMAC-SHA256 of the body, in hexadecimal behind a prefix.
struct SignatureField {
  std::string_view name;
  std::string_view prefix;
};

constexpr SignatureField hub_256{"x-hub-signature-256", "sha256="};
constexpr std::array github_fields{hub_256};
constexpr std::array bitbucket_fields{SignatureField{"x-hub-signature", "sha256="}};
constexpr std::array gitea_fields{SignatureField{"x-forgejo-signature", ""},
                                  SignatureField{"x-gitea-signature", ""}, hub_256};

Error refused() {
  return Error(ErrorCode::unauthenticated, "the webhook's signature is missing or wrong");
}

/// The first of the fields that is there decides.
Result<void> verify_hmac(std::span<const SignatureField> fields_known, std::string_view secret,
                         const WebhookFields& fields, std::string_view signed_bytes) {
  for (const SignatureField& known : fields_known) {
    const std::string_view sent = fields(known.name);
    if (sent.empty()) continue;
    const std::string expected =
        std::string(known.prefix) + to_hex(hmac_sha256(secret, signed_bytes));
    if (equal_in_constant_time(sent, expected)) return {};
    return refused();
  }
  return refused();
}

/// GitLab sends the secret itself. Comparing codes of both hides the secret's length too.
Result<void> verify_plain_secret(std::string_view secret, std::string_view sent) {
  const auto expected = hmac_sha256(secret, secret);
  const auto actual = hmac_sha256(secret, sent);
  const auto text = [](const std::array<std::uint8_t, 32>& code) {
    return std::string_view(reinterpret_cast<const char*>(code.data()), code.size());
  };
  if (equal_in_constant_time(text(actual), text(expected))) return {};
  return refused();
}

}  // namespace

Result<void> verify_webhook(GitProvider provider, std::string_view secret,
                            const WebhookFields& fields, std::string_view body) {
  if (secret.empty()) return refused();
  switch (provider) {
    case GitProvider::github:
    case GitProvider::custom:
      return verify_hmac(github_fields, secret, fields, body);
    case GitProvider::bitbucket:
      return verify_hmac(bitbucket_fields, secret, fields, body);
    case GitProvider::gitlab:
      return verify_plain_secret(secret, fields("x-gitlab-token"));
    case GitProvider::gitea: {
      // Gitea and Forgejo sign the JSON, not the form that it is wrapped in.
      const auto json = webhook_json(fields, body);
      return json ? verify_hmac(gitea_fields, secret, fields, *json) : refused();
    }
  }
  return refused();
}

}  // namespace slipway
