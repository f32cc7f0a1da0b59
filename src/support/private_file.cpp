#include "support/private_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <span>

#include "support/file.hpp"

namespace slipway {

namespace fs = std::filesystem;

Result<void> write_private_file(const fs::path& path, std::string_view content, Flush flush) {
  if (::unlink(path.c_str()) < 0 && errno != ENOENT)
    return files::file_error(errno, "replace", path);
  SLIPWAY_TRY(const files::Descriptor file, files::open_file(path, O_WRONLY | O_CREAT | O_EXCL));
  std::uint64_t end = 0;
  SLIPWAY_CHECK(files::write_at(file, path, end, std::as_bytes(std::span(content))));
  if (flush == Flush::yes) return files::sync_file(file, path);
  return {};
}

Result<void> replace_private_file(const fs::path& path, const fs::path& draft,
                                  std::string_view content, Flush flush) {
  SLIPWAY_CHECK(write_private_file(draft, content, flush));
  if (::rename(draft.c_str(), path.c_str()) < 0)
    return files::file_error(errno, "rename", draft);
  if (flush == Flush::yes) return files::sync_folder(path.parent_path());
  return {};
}

}  // namespace slipway
