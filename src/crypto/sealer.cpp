#include <slipway/support/sealer.hpp>

#include <array>
#include <optional>
#include <span>

#include <slipway/core/hex.hpp>
#include <slipway/support/hasher.hpp>

#include "crypto/aes_gcm.hpp"

namespace slipway {
namespace {

/// No JSON begins so, and no key of 32 bytes is long enough to be a seal.
constexpr std::string_view mark("\0S1", 3);
constexpr std::size_t nonce_at = mark.size() + 1;
constexpr std::size_t ciphertext_at = nonce_at + crypto::gcm_nonce_size;

std::uint8_t id_of(const Sealer::Key& key) {
  const std::string_view bytes(reinterpret_cast<const char*>(key.data()), key.size());
  return hmac_sha256(bytes, "slipway: the id of a sealing key").front();
}

/// What the tag vouches for beside the ciphertext.
std::string associated(std::string_view head, std::string_view purpose) {
  return std::string(head.substr(0, nonce_at)).append(purpose);
}

/// nullopt: another key sealed it, or for another purpose, or it was changed.
std::optional<std::string> open_with(const Sealer::Key& key, std::string_view sealed,
                                     std::string_view purpose) {
  std::array<std::uint8_t, crypto::gcm_nonce_size> nonce{};
  sealed.substr(nonce_at).copy(reinterpret_cast<char*>(nonce.data()), nonce.size());
  return crypto::aes_256_gcm_decrypt(key, nonce, associated(sealed, purpose),
                                     sealed.substr(ciphertext_at));
}

Error not_opened(const std::string& why) {
  return Error(ErrorCode::corrupt, "a sealed secret cannot be opened: " + why);
}

}  // namespace

Sealer::Sealer(const Key& current, const std::vector<Key>& previous) {
  keys_.push_back({id_of(current), current});
  for (const Key& key : previous) keys_.push_back({id_of(key), key});
}

Sealer Sealer::ephemeral() {
  Key key{};
  fill_random(key);
  return Sealer(key);
}

std::string Sealer::seal(std::string_view plain, std::string_view purpose) const {
  const Known& current = keys_.front();
  std::array<std::uint8_t, crypto::gcm_nonce_size> nonce{};
  fill_random(nonce);
  std::string sealed(mark);
  sealed.push_back(static_cast<char>(current.id));
  const std::string vouched = associated(sealed, purpose);
  sealed.append(nonce.begin(), nonce.end());
  return sealed.append(crypto::aes_256_gcm_encrypt(current.key, nonce, vouched, plain));
}

Result<std::string> Sealer::open(std::string_view sealed, std::string_view purpose) const {
  if (!is_sealed(sealed)) return not_opened("it has not the form of one");
  const auto id = static_cast<std::uint8_t>(sealed[mark.size()]);
  bool known = false;
  for (const Known& key : keys_) {
    if (key.id != id) continue;  // two keys may have one id: both are tried
    known = true;
    if (auto plain = open_with(key.key, sealed, purpose)) return std::move(*plain);
  }
  if (known) return not_opened("it was changed, or sealed with another key or for another place");
  return not_opened("the key that sealed it (its id is " + to_hex(std::span(&id, 1)) +
                    ") is not among those given");
}

bool Sealer::is_sealed(std::string_view bytes) noexcept {
  return bytes.starts_with(mark) && bytes.size() > ciphertext_at + crypto::gcm_tag_size;
}

bool Sealer::is_current(std::string_view sealed, std::string_view purpose) const {
  const Known& current = keys_.front();
  return static_cast<std::uint8_t>(sealed[mark.size()]) == current.id &&
         open_with(current.key, sealed, purpose).has_value();
}

}  // namespace slipway
