#include "serve/administrator_token.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <system_error>

#include "support/format.hpp"

namespace slipway {
namespace {

namespace fs = std::filesystem;

Error system_error(std::string_view what, const fs::path& path) {
  const int code = errno;
  return Error(ErrorCode::io, slipway::format("{} {}: {}", what, path.string(),
                                              std::generic_category().message(code)));
}

class File {
 public:
  File(const fs::path& path, int flags) : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

Result<void> write_private(const fs::path& path, std::string_view text) {
  const File file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
  if (file.descriptor() < 0) return system_error("cannot write", path);
  while (!text.empty()) {
    const ssize_t written = ::write(file.descriptor(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error("cannot write", path);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file.descriptor()) != 0) return system_error("cannot flush", path);
  return {};
}

Result<void> flush_folder(const fs::path& folder) {
  const File file(folder, O_RDONLY | O_DIRECTORY);
  if (file.descriptor() < 0 || ::fsync(file.descriptor()) != 0)
    return system_error("cannot flush", folder);
  return {};
}

}  // namespace

Result<std::optional<fs::path>> ensure_administrator_token(TokenStore& tokens,
                                                           const fs::path& folder) {
  const fs::path file = folder / "admin.token";
  const fs::path unfinished = folder / "admin.token.new";
  std::error_code ignored;
  SLIPWAY_TRY(const bool empty, tokens.empty());
  if (!empty && !fs::exists(unfinished, ignored)) return std::optional<fs::path>();

  // Whatever an unfinished start left was shown to nobody.
  SLIPWAY_TRY(const std::vector<Token> left, tokens.list());
  SLIPWAY_CHECK(write_private(unfinished, ""));
  SLIPWAY_CHECK(flush_folder(folder));
  for (const Token& token : left) SLIPWAY_CHECK(tokens.revoke(token.id));

  SLIPWAY_TRY(const TokenStore::Created created,
              tokens.create("administrator", {Grant{"**", Actions::all()}}));
  SLIPWAY_CHECK(write_private(unfinished, created.secret + "\n"));
  if (::rename(unfinished.c_str(), file.c_str()) != 0) return system_error("cannot write", file);
  SLIPWAY_CHECK(flush_folder(folder));
  return std::optional<fs::path>(file);
}

}  // namespace slipway
