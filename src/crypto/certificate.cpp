#include "crypto/certificate.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>

#include <slipway/support/hasher.hpp>

namespace slipway::crypto {

namespace {

template <auto free>
struct Freed {
  template <class T>
  void operator()(T* object) const noexcept {
    free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;
using Memory = std::unique_ptr<BIO, Freed<BIO_free>>;

bool add_extension(X509* certificate, int kind, const char* value) {
  const Extension extension(X509V3_EXT_conf_nid(nullptr, nullptr, kind, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

/// ASN.1's form of a moment (RFC 5280 section 4.1.2.5.2).
std::string generalized(Timestamp at) {
  std::string text;
  for (const char c : to_rfc3339(at)) {
    if (c == '.') break;
    if (c >= '0' && c <= '9') text.push_back(c);
  }
  return text + "Z";
}

struct Subject {
  std::string_view common_name;
  std::string not_after;
  const char* constraints;
  const char* usage;
};

/// A new key, and the certificate that `issuer` (its own when that is nullptr) signs with `signer`.
Result<std::string> make(const Subject& subject, const X509* issuer, EVP_PKEY* signer) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate made(X509_new());
  const Memory text(BIO_new(BIO_s_mem()));
  std::uint64_t serial = 0;
  fill_random(std::span(reinterpret_cast<std::uint8_t*>(&serial), sizeof serial));
  X509* certificate = made.get();
  const auto fill = [&] {
    X509_NAME* name = X509_get_subject_name(certificate);
    return X509_set_version(certificate, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1U) == 1 &&
           ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), "20200101000000Z") == 1 &&
           ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), subject.not_after.c_str()) ==
               1 &&
           X509_NAME_add_entry_by_txt(
               name, "CN", MBSTRING_UTF8,
               reinterpret_cast<const unsigned char*>(subject.common_name.data()),
               static_cast<int>(subject.common_name.size()), -1, 0) == 1 &&
           X509_set_issuer_name(certificate,
                                issuer == nullptr ? name : X509_get_subject_name(issuer)) == 1 &&
           X509_set_pubkey(certificate, key.get()) == 1 &&
           add_extension(certificate, NID_basic_constraints, subject.constraints) &&
           add_extension(certificate, NID_key_usage, subject.usage) &&
           add_extension(certificate, NID_ext_key_usage, "clientAuth") &&
           X509_sign(certificate, signer == nullptr ? key.get() : signer, EVP_sha256()) != 0;
  };
  if (!key || !made || !text || !fill() || PEM_write_bio_X509(text.get(), certificate) != 1 ||
      PEM_write_bio_PrivateKey(text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return Error(ErrorCode::internal, "OpenSSL made no certificate");
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return std::string(bytes, static_cast<std::size_t>(size));
}

}  // namespace

Result<std::string> make_client_authority(std::string_view common_name) {
  return make({common_name, "99991231235959Z", "critical,CA:TRUE,pathlen:0",
               "critical,digitalSignature,keyCertSign"},
              nullptr, nullptr);
}

Result<std::string> issue_client_identity(std::string_view authority, std::string_view common_name,
                                          Timestamp until) {
  const auto read = [&](auto function) {
    const Memory text(BIO_new_mem_buf(authority.data(), static_cast<int>(authority.size())));
    return function(text.get(), nullptr, nullptr, nullptr);
  };
  const Certificate issuer(read(PEM_read_bio_X509));
  const Key key(read(PEM_read_bio_PrivateKey));
  ERR_clear_error();
  if (!issuer || !key || X509_check_ca(issuer.get()) != 1)
    return Error(ErrorCode::unsupported, "the certificate may sign no others");
  return make({common_name, generalized(until), "critical,CA:FALSE", "critical,digitalSignature"},
              issuer.get(), key.get());
}

}  // namespace slipway::crypto
