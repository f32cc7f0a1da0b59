#include "serve/worker_identity.hpp"

#include <fcntl.h>

#include <span>
#include <string>
#include <system_error>

#include "crypto/certificate.hpp"
#include "support/file.hpp"

namespace slipway {

namespace fs = std::filesystem;

Result<fs::path> ensure_worker_identity(const fs::path& data) {
  const fs::path folder = fs::absolute(data) / "workers";
  const fs::path path = folder / "identity.pem";
  std::error_code error;
  if (fs::exists(path, error)) return path;
  SLIPWAY_CHECK(files::make_folder(folder));
  SLIPWAY_TRY(const std::string identity, crypto::make_client_authority("slipway worker"));
  const fs::path draft = folder / "identity.pem.new";
  SLIPWAY_TRY(const files::Descriptor file,
              files::open_file(draft, O_WRONLY | O_CREAT | O_TRUNC));
  std::uint64_t end = 0;
  SLIPWAY_CHECK(files::write_at(file, draft, end, std::as_bytes(std::span(identity))));
  SLIPWAY_CHECK(files::sync_file(file, draft));
  fs::rename(draft, path, error);
  if (error) return files::file_error(error.value(), "rename", draft);
  SLIPWAY_CHECK(files::sync_folder(folder));
  return path;
}

}  // namespace slipway
