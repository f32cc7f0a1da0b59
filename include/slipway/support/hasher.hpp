// Hashing, authentication codes and randomness.
//
// The implementation is OpenSSL's (src/crypto); nothing of it shows here.
//
// Thread safety: functions may be called from any thread; a Hasher belongs to one thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <slipway/core/digest.hpp>

namespace slipway {

/// Computes the digest of bytes that come in pieces. A finished hasher starts anew.
class Hasher {
 public:
  explicit Hasher(DigestAlgorithm algorithm = DigestAlgorithm::sha256);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  [[nodiscard]] DigestAlgorithm algorithm() const noexcept { return algorithm_; }
  void update(std::span<const std::byte> bytes);
  void update(std::string_view bytes) { update(std::as_bytes(std::span(bytes))); }

  /// The digest of all that was updated since the start or the last finish.
  Digest finish();

 private:
  struct State;
  DigestAlgorithm algorithm_;
  std::unique_ptr<State> state_;
};

/// The digest of one piece. Cheaper than a Hasher: each thread keeps a context for it.
Digest digest_of(std::string_view bytes, DigestAlgorithm algorithm = DigestAlgorithm::sha256);

/// HMAC (RFC 2104) with SHA-256.
std::array<std::uint8_t, 32> hmac_sha256(std::string_view key, std::string_view message);

/// Compares in a time that depends on the sizes only, never on where the first difference is.
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

/// Fills with bytes from the operating system's secure source.
void fill_random(std::span<std::uint8_t> out);

/// `bytes` random bytes as lower-case hex: for tokens and secrets.
std::string random_hex(std::size_t bytes);

/// base64url without padding (RFC 4648 section 5).
std::string base64url_encode(std::string_view bytes);
/// False when `text` is not base64url; `out` is then unspecified.
bool base64url_decode(std::string_view text, std::string& out);
/// Standard base64 with padding (RFC 4648 section 4), as in HTTP Basic credentials.
std::string base64_encode(std::string_view bytes);
bool base64_decode(std::string_view text, std::string& out);

}  // namespace slipway
