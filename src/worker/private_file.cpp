#include "worker/private_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace slipway {

Result<void> write_private_file(const std::filesystem::path& path, std::string_view content) {
  const auto failed = [&path] {
    return Error(ErrorCode::io, path.string() + ": " + std::generic_category().message(errno));
  };
  if (::unlink(path.c_str()) < 0 && errno != ENOENT) return failed();
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return failed();
  while (!content.empty()) {
    const ssize_t written = ::write(file, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      Error error = failed();
      ::close(file);
      return error;
    }
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::close(file) < 0) return failed();
  return {};
}

}  // namespace slipway
