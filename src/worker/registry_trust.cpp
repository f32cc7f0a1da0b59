#include "worker/registry_trust.hpp"

#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

#include "crypto/certificate.hpp"
#include "support/private_file.hpp"

namespace slipway {

namespace fs = std::filesystem;

namespace {

Result<std::string> read(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string content(std::istreambuf_iterator<char>(stream), {});
  if (!stream) return Error(ErrorCode::io, file.string() + ": cannot be read");
  return content;
}

}  // namespace

Result<void> write_certificates(const RegistryTrust& trust, Timestamp end, const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return Error(ErrorCode::io, folder.string() + ": " + error.message());
  if (!trust.authorities.empty()) {
    SLIPWAY_TRY(const std::string authorities, read(trust.authorities));
    SLIPWAY_CHECK(write_private_file(folder / "ca.crt", authorities));
  }
  if (trust.certificate.empty()) return {};

  SLIPWAY_TRY(std::string certificate, read(trust.certificate));
  std::string key = certificate;
  if (!trust.key.empty()) {
    SLIPWAY_TRY(key, read(trust.key));
  }
  auto issued = crypto::issue_client_identity(certificate + key, "slipway build", end);
  if (issued)
    certificate = key = *issued;
  else if (issued.error().code != ErrorCode::unsupported)
    return std::move(issued).error();
  SLIPWAY_CHECK(write_private_file(folder / "client.cert", certificate));
  return write_private_file(folder / "client.key", key);
}

}  // namespace slipway
