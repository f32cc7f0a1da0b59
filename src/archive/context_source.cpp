#include "archive/context_source.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>
#include <thread>

#include "archive/ignore_rules.hpp"
#include "archive/tar_create.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

namespace fs = std::filesystem;

class TarFile final : public ContextReader {
 public:
  TarFile(std::ifstream file, std::uint64_t size, std::string media_type)
      : file_(std::move(file)), size_(size), media_type_(std::move(media_type)) {}

  Result<std::size_t> read(std::span<std::byte> out) override {
    file_.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(out.size()));
    if (file_.bad()) return Error(ErrorCode::io, "reading the context failed");
    return static_cast<std::size_t>(file_.gcount());
  }

  [[nodiscard]] const std::string& media_type() const noexcept override { return media_type_; }
  [[nodiscard]] std::optional<std::uint64_t> size() const noexcept override { return size_; }

 private:
  std::ifstream file_;
  std::uint64_t size_;
  std::string media_type_;
};

std::string media_type_of(std::string_view first_bytes) {
  if (first_bytes.starts_with("\x1f\x8b")) return "application/gzip";
  if (first_bytes.starts_with("\x28\xb5\x2f\xfd")) return "application/zstd";
  return "application/x-tar";
}

Result<std::unique_ptr<ContextReader>> open_tar(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, 4> start{};
  file.read(start.data(), start.size());
  if (file.gcount() == 0)
    return Error(ErrorCode::invalid_argument,
                 slipway::format("--context {}: expected a folder or a tar", path.string()));
  const std::string media_type =
      media_type_of({start.data(), static_cast<std::size_t>(file.gcount())});
  file.clear();
  file.seekg(0);
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  if (error)
    return Error(ErrorCode::io, slipway::format("--context {}: {}", path.string(), error.message()));
  return std::unique_ptr<ContextReader>(
      std::make_unique<TarFile>(std::move(file), size, media_type));
}

/// The packing thread writes into one end of a pair of sockets, read takes from the other: the
/// kernel's buffer is all that lies between.
class PackedFolder final : public ContextReader {
 public:
  static Result<std::unique_ptr<ContextReader>> open(const fs::path& folder,
                                                     const std::string& dockerfile) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
      return Error(ErrorCode::io, slipway::format("cannot pack the context: {}",
                                                  std::generic_category().message(errno)));
    return std::unique_ptr<ContextReader>(new PackedFolder(folder, dockerfile, ends));
  }

  ~PackedFolder() override {
    ::close(reader_);  // a packer that still writes gets an error and ends
    packer_.join();
  }
  PackedFolder(const PackedFolder&) = delete;
  PackedFolder& operator=(const PackedFolder&) = delete;

  Result<std::size_t> read(std::span<std::byte> out) override {
    while (true) {
      const ssize_t count = ::recv(reader_, out.data(), out.size(), 0);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0)
        return Error(ErrorCode::io, slipway::format("cannot read the context: {}",
                                                    std::generic_category().message(errno)));
      if (count > 0) return static_cast<std::size_t>(count);
      if (!outcome_) return outcome_.error();  // written before the other end was closed
      return std::size_t{0};
    }
  }

  [[nodiscard]] const std::string& media_type() const noexcept override { return media_type_; }
  [[nodiscard]] std::optional<std::uint64_t> size() const noexcept override {
    return std::nullopt;
  }

 private:
  PackedFolder(const fs::path& folder, const std::string& dockerfile, std::array<int, 2> ends)
      : reader_(ends[0]), packer_([this, folder, dockerfile, writer = ends[1]] {
          outcome_ = pack(folder, dockerfile, writer);
          ::close(writer);
        }) {}

  static Result<void> pack(const fs::path& folder, const std::string& dockerfile, int writer) {
    IgnoreRules rules;
    if (std::ifstream file(folder / ".dockerignore", std::ios::binary); file) {
      std::ostringstream text;
      text << file.rdbuf();
      rules = IgnoreRules(text.str());
    }
    TarCreateOptions options;
    options.include = [&](std::string_view name) {
      return name == dockerfile || name == ".dockerignore" || !rules.ignores(name);
    };
    return create_tar(
        folder,
        [writer](std::span<const std::byte> bytes) -> Result<void> {
          while (!bytes.empty()) {
            const ssize_t count = ::send(writer, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return Error(ErrorCode::cancelled, "nobody takes the context");
            bytes = bytes.subspan(static_cast<std::size_t>(count));
          }
          return {};
        },
        options);
  }

  const std::string media_type_ = "application/x-tar";
  const int reader_;
  Result<void> outcome_;  // the packer's, set before it closes its end
  std::thread packer_;
};

}  // namespace

Result<std::unique_ptr<ContextReader>> open_context(const fs::path& path,
                                                    const std::string& dockerfile) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::is_directory(status)) return PackedFolder::open(path, dockerfile);
  if (fs::is_regular_file(status)) return open_tar(path);
  return Error(ErrorCode::invalid_argument,
               slipway::format("--context {}: expected a folder or a tar", path.string()));
}

}  // namespace slipway
