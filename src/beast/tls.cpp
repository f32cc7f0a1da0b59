#include "beast/tls.hpp"

#include <string>

#include "beast/asio.hpp"

namespace slipway::beast {
namespace {

namespace ssl = asio::ssl;

Error unusable(const char* what, const std::filesystem::path& file, const Failure& failure) {
  return Error(ErrorCode::corrupt,
               std::string(what) + " " + file.string() + " cannot be used: " + failure.message());
}

std::unique_ptr<ssl::context> make_context(ssl::context::method method) {
  auto context = std::make_unique<ssl::context>(method);
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 |
                       ssl::context::no_sslv3 | ssl::context::no_tlsv1 |
                       ssl::context::no_tlsv1_1 | SSL_OP_NO_RENEGOTIATION |
                       ssl::context::no_compression);
  SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  return context;
}

}  // namespace

Result<std::unique_ptr<ssl::context>> make_server_tls(const TlsServerOptions& options) {
  auto context = make_context(ssl::context::tls_server);
  Failure failure;
  if (context->use_certificate_chain_file(options.certificate.string(), failure))
    return unusable("certificate", options.certificate, failure);
  if (context->use_private_key_file(options.key.string(), ssl::context::pem, failure))
    return unusable("key", options.key, failure);
  if (options.client_ca.empty()) return context;

  if (context->load_verify_file(options.client_ca.string(), failure))
    return unusable("client CA", options.client_ca, failure);
  if (!options.own_client.empty() &&
      context->load_verify_file(options.own_client.string(), failure))
    return unusable("certificate", options.own_client, failure);
  context->set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert, failure);
  constexpr unsigned char session_context[] = "slipway";  // resumed sessions need one
  SSL_CTX_set_session_id_context(context->native_handle(), session_context,
                                 sizeof session_context - 1);
  return context;
}

Result<std::unique_ptr<ssl::context>> make_client_tls(const TransportOptions& options) {
  auto context = make_context(ssl::context::tls_client);
  Failure failure;
  context->set_verify_mode(ssl::verify_peer, failure);
  // Whoever is named is trusted, also a server's own certificate that another authority signed.
  X509_STORE_set_flags(SSL_CTX_get_cert_store(context->native_handle()), X509_V_FLAG_PARTIAL_CHAIN);
  if (!options.ca_file.empty() && context->load_verify_file(options.ca_file.string(), failure))
    return unusable("CA file", options.ca_file, failure);
  if (options.certificate.empty()) return context;

  if (context->use_certificate_chain_file(options.certificate.string(), failure))
    return unusable("certificate", options.certificate, failure);
  const auto& key = options.key.empty() ? options.certificate : options.key;
  if (context->use_private_key_file(key.string(), ssl::context::pem, failure))
    return unusable("key", key, failure);
  return context;
}

void trust_system_authorities(ssl::context& context) {
  Failure ignored;  // without any, servers are refused when they show their certificates
  context.set_default_verify_paths(ignored);
}

}  // namespace slipway::beast
