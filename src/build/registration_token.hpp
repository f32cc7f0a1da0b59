// The one-time token that a worker trades for its instructions: `slpr_<build>_<epoch>_<64 hex>`.
// Build and epoch tell where to look; the random rest is the secret. The store keeps a hash only.
//
// Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slipway {

inline constexpr std::size_t registration_secret_bytes = 32;

std::string make_registration_token(std::string_view build, std::uint64_t epoch,
                                    std::string_view secret);

struct RegistrationTokenParts {
  std::string build;
  std::uint64_t epoch = 0;
};
/// nullopt: not a registration token.
std::optional<RegistrationTokenParts> parse_registration_token(std::string_view token);

/// SHA-256, 32 bytes.
std::string hash_of_token(std::string_view token);

}  // namespace slipway
