#include "serve/worker_identity.hpp"

#include <string>
#include <system_error>

#include "crypto/certificate.hpp"
#include "support/file.hpp"
#include "support/private_file.hpp"

namespace slipway {

namespace fs = std::filesystem;

Result<fs::path> ensure_worker_identity(const fs::path& data) {
  const fs::path folder = fs::absolute(data) / "workers";
  const fs::path path = folder / "identity.pem";
  std::error_code error;
  if (fs::exists(path, error)) return path;
  SLIPWAY_CHECK(files::make_folder(folder));
  SLIPWAY_TRY(const std::string identity, crypto::make_client_authority("slipway worker"));
  SLIPWAY_CHECK(replace_private_file(path, folder / "identity.pem.new", identity, Flush::yes));
  return path;
}

}  // namespace slipway
