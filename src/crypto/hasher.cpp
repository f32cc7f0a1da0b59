#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <cstdlib>

#include <slipway/core/hex.hpp>
#include <slipway/support/hasher.hpp>

namespace slipway {
namespace {

/// OpenSSL's functions of this file fail only when memory is out or the library is broken.
void require(bool ok) {
  if (!ok) std::abort();
}

/// Looked up once: a fetch takes longer than hashing 4 KiB.
const EVP_MD* implementation(DigestAlgorithm algorithm) {
  static EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  static EVP_MD* const sha512 = EVP_MD_fetch(nullptr, "SHA512", nullptr);
  const EVP_MD* found = algorithm == DigestAlgorithm::sha256 ? sha256 : sha512;
  require(found != nullptr);
  return found;
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

Context make_context() {
  Context context(EVP_MD_CTX_new());
  require(context != nullptr);
  return context;
}

void start(EVP_MD_CTX* context, DigestAlgorithm algorithm) {
  require(EVP_DigestInit_ex2(context, implementation(algorithm), nullptr) == 1);
}

Digest finish_context(EVP_MD_CTX* context, DigestAlgorithm algorithm) {
  std::array<std::uint8_t, Digest::max_size> hash{};
  unsigned size = 0;
  require(EVP_DigestFinal_ex(context, hash.data(), &size) == 1);
  require(size == digest_size(algorithm));
  return Digest(algorithm, std::span(hash).first(size));
}

struct FreeMacContext {
  void operator()(EVP_MAC_CTX* context) const noexcept { EVP_MAC_CTX_free(context); }
};
using MacContext = std::unique_ptr<EVP_MAC_CTX, FreeMacContext>;

MacContext make_hmac_sha256() {
  static EVP_MAC* const hmac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  MacContext context(EVP_MAC_CTX_new(hmac));
  require(context != nullptr);
  std::string digest = "SHA256";
  const std::array<OSSL_PARAM, 2> parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_end()};
  require(EVP_MAC_CTX_set_params(context.get(), parameters.data()) == 1);
  return context;
}

/// Destroyed with nothing, so that it can be asked for to the end of a thread.
thread_local bool contexts_are_gone = false;

struct Contexts {
  ~Contexts() { contexts_are_gone = true; }

  const Context digest = make_context();
  const MacContext hmac = make_hmac_sha256();
};

/// Calls `use` with contexts that the thread keeps. What runs when those are gone, as destructors of
/// statics do at the end of the main thread, has some for the call.
template <class Use>
auto with_contexts(const Use& use) {
  if (contexts_are_gone) return use(Contexts());
  static thread_local const Contexts kept;
  return use(kept);
}

const unsigned char* octets(std::string_view bytes) noexcept {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace

struct Hasher::State {
  Context context = make_context();
};

Hasher::Hasher(DigestAlgorithm algorithm)
    : algorithm_(algorithm), state_(std::make_unique<State>()) {
  start(state_->context.get(), algorithm_);
}

Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(std::span<const std::byte> bytes) {
  require(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1);
}

Digest Hasher::finish() {
  const Digest digest = finish_context(state_->context.get(), algorithm_);
  start(state_->context.get(), algorithm_);
  return digest;
}

Digest digest_of(std::string_view bytes, DigestAlgorithm algorithm) {
  return with_contexts([&](const Contexts& contexts) {
    EVP_MD_CTX* const context = contexts.digest.get();
    start(context, algorithm);
    require(EVP_DigestUpdate(context, bytes.data(), bytes.size()) == 1);
    return finish_context(context, algorithm);
  });
}

std::array<std::uint8_t, 32> hmac_sha256(std::string_view key, std::string_view message) {
  return with_contexts([&](const Contexts& contexts) {
    EVP_MAC_CTX* const context = contexts.hmac.get();
    std::array<std::uint8_t, 32> code{};
    std::size_t size = 0;
    // A null key would mean the one before.
    require(EVP_MAC_init(context, octets(key.data() != nullptr ? key : ""), key.size(), nullptr) ==
            1);
    require(EVP_MAC_update(context, octets(message), message.size()) == 1);
    require(EVP_MAC_final(context, code.data(), &size, code.size()) == 1);
    require(size == code.size());
    return code;
  });
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void fill_random(std::span<std::uint8_t> out) {
  require(RAND_bytes(out.data(), static_cast<int>(out.size())) == 1);
}

std::string random_hex(std::size_t bytes) {
  std::string raw(bytes, '\0');
  const std::span<std::uint8_t> view(reinterpret_cast<std::uint8_t*>(raw.data()), raw.size());
  fill_random(view);
  return to_hex(view);
}

}  // namespace slipway
