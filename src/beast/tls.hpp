// TLS contexts of the server and the client: version 1.2 and newer.
#pragma once

#include <memory>

#include <boost/asio/ssl/context.hpp>

#include <slipway/core/result.hpp>
#include <slipway/http/server.hpp>
#include <slipway/http/transport.hpp>

namespace slipway::beast {

/// Errors: corrupt; the message names the file.
Result<std::unique_ptr<boost::asio::ssl::context>> make_server_tls(const TlsServerOptions& options);
/// Trusts those of ca_file. Errors: corrupt (ca_file).
Result<std::unique_ptr<boost::asio::ssl::context>> make_client_tls(const TransportOptions& options);
/// Reads the system's bundle of some hundred certificates, which takes a tenth of a second: to be
/// done when the first server asks for it.
void trust_system_authorities(boost::asio::ssl::context& context);

}  // namespace slipway::beast
