#include "crypto/aes_gcm.hpp"

#include <openssl/evp.h>

#include <cstdlib>
#include <memory>

namespace slipway::crypto {
namespace {

/// These fail only when memory is out or the library is broken.
void require(bool ok) {
  if (!ok) std::abort();
}

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

const unsigned char* octets(std::string_view bytes) noexcept {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* octets(std::string& bytes) noexcept {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

enum class Direction : int { decrypt = 0, encrypt = 1 };

Context begin(Direction direction, std::span<const std::uint8_t, 32> key,
              std::span<const std::uint8_t, gcm_nonce_size> nonce, std::string_view associated) {
  static EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  Context context(EVP_CIPHER_CTX_new());
  require(cipher != nullptr && context != nullptr);
  require(EVP_CipherInit_ex2(context.get(), cipher, key.data(), nonce.data(),
                             static_cast<int>(direction), nullptr) == 1);
  int size = 0;
  if (!associated.empty())
    require(EVP_CipherUpdate(context.get(), nullptr, &size, octets(associated),
                             static_cast<int>(associated.size())) == 1);
  return context;
}

}  // namespace

std::string aes_256_gcm_encrypt(std::span<const std::uint8_t, 32> key,
                                std::span<const std::uint8_t, gcm_nonce_size> nonce,
                                std::string_view associated, std::string_view plain) {
  const Context context = begin(Direction::encrypt, key, nonce, associated);
  std::string out(plain.size() + gcm_tag_size, '\0');
  int size = 0;
  if (!plain.empty())
    require(EVP_CipherUpdate(context.get(), octets(out), &size, octets(plain),
                             static_cast<int>(plain.size())) == 1);
  require(static_cast<std::size_t>(size) == plain.size());
  unsigned char* const tag = octets(out) + plain.size();
  require(EVP_CipherFinal_ex(context.get(), tag, &size) == 1 && size == 0);
  require(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(gcm_tag_size),
                              tag) == 1);
  return out;
}

std::optional<std::string> aes_256_gcm_decrypt(std::span<const std::uint8_t, 32> key,
                                               std::span<const std::uint8_t, gcm_nonce_size> nonce,
                                               std::string_view associated,
                                               std::string_view ciphertext_and_tag) {
  if (ciphertext_and_tag.size() < gcm_tag_size) return std::nullopt;
  const std::string_view ciphertext =
      ciphertext_and_tag.substr(0, ciphertext_and_tag.size() - gcm_tag_size);
  std::string tag(ciphertext_and_tag.substr(ciphertext.size()));
  const Context context = begin(Direction::decrypt, key, nonce, associated);
  std::string plain(ciphertext.size(), '\0');
  int size = 0;
  if (!ciphertext.empty())
    require(EVP_CipherUpdate(context.get(), octets(plain), &size, octets(ciphertext),
                             static_cast<int>(ciphertext.size())) == 1);
  require(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(gcm_tag_size),
                              tag.data()) == 1);
  unsigned char nothing = 0;
  if (EVP_CipherFinal_ex(context.get(), &nothing, &size) != 1) return std::nullopt;
  return plain;
}

}  // namespace slipway::crypto
