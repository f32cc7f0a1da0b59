// AES-256-GCM (NIST SP 800-38D) with a nonce of 96 bits and a tag of 128 bits.
//
// A nonce must never come twice with the same key. Thread safety: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace slipway::crypto {

inline constexpr std::size_t gcm_nonce_size = 12;
inline constexpr std::size_t gcm_tag_size = 16;

/// The ciphertext, as long as `plain`, and the tag behind it.
std::string aes_256_gcm_encrypt(std::span<const std::uint8_t, 32> key,
                                std::span<const std::uint8_t, gcm_nonce_size> nonce,
                                std::string_view associated, std::string_view plain);

/// nullopt: key, nonce, associated data, ciphertext or tag are not those of one encryption.
std::optional<std::string> aes_256_gcm_decrypt(std::span<const std::uint8_t, 32> key,
                                               std::span<const std::uint8_t, gcm_nonce_size> nonce,
                                               std::string_view associated,
                                               std::string_view ciphertext_and_tag);

}  // namespace slipway::crypto
