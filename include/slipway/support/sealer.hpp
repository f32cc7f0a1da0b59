// Sealer: encrypts small secrets before they are stored.
//
// AES-256-GCM (NIST SP 800-38D) with a random nonce of 96 bits for each seal, good for 2^32 seals
// under one key. What a seal is for (the key of its row) is authenticated with it, so that one
// cannot be put in the place of another.
//
//   <mark: 3 bytes> <key's id: 1> <nonce: 12> <ciphertext> <tag: 16>
//
// A key's id is derived from the key; it tells which of several keys sealed, not what the key is.
// The implementation is OpenSSL's (src/crypto); nothing of it shows here.
//
// Thread safety: immutable once made.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/result.hpp>

namespace slipway {

class Sealer {
 public:
  static constexpr std::size_t key_size = 32;
  using Key = std::array<std::uint8_t, key_size>;

  /// `current` seals; it and `previous` open.
  explicit Sealer(const Key& current, const std::vector<Key>& previous = {});

  /// Under a random key that nobody keeps: for stores that are gone with the process.
  static Sealer ephemeral();

  [[nodiscard]] std::string seal(std::string_view plain, std::string_view purpose) const;

  /// Errors: corrupt (not a seal; under a key that is not here; changed; for another purpose).
  [[nodiscard]] Result<std::string> open(std::string_view sealed, std::string_view purpose) const;

  /// By its form: are these bytes a seal, of at least one byte?
  [[nodiscard]] static bool is_sealed(std::string_view bytes) noexcept;

  /// Was this sealed with the key that seals now, for this purpose? It is opened to know: another key
  /// may have the same id. REQUIRES: is_sealed.
  [[nodiscard]] bool is_current(std::string_view sealed, std::string_view purpose) const;

 private:
  struct Known {
    std::uint8_t id;
    Key key;
  };
  std::vector<Known> keys_;  // the first seals
};

}  // namespace slipway
