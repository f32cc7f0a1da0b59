#include "support/remove_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace slipway {
namespace {

Error failed(const std::string& path, int code = errno) {
  return Error(ErrorCode::io,
               path + ": cannot be removed: " + std::generic_category().message(code));
}

/// /proc/self/mountinfo writes a space as \040, and so on: proc(5).
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                      (text[i + 3] - '0')));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

void unmount_below(const std::string& folder) {
  std::vector<std::string> points;
  std::ifstream list("/proc/self/mountinfo");
  for (std::string line; std::getline(list, line);) {
    std::string_view rest = line;  // id, parent, device, root, mount point
    for (int field = 0; field < 4; ++field) {
      const std::size_t space = rest.find(' ');
      rest.remove_prefix(space == std::string_view::npos ? rest.size() : space + 1);
    }
    std::string point = unescaped(rest.substr(0, rest.find(' ')));
    if (point.starts_with(folder + "/")) points.push_back(std::move(point));
  }
  for (auto point = points.rbegin(); point != points.rend(); ++point)
    ::umount2(point->c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
}

/// A build can nest folders deeper than there are descriptors to hold them.
constexpr int most_depth = 64;

class Removal {
 public:
  Removal(int root, dev_t device, unsigned first_name)
      : root_(root), device_(device), first_name_(first_name), next_name_(first_name) {}

  /// Removes what is in the folder; takes the descriptor. What lies too deep is moved up into the
  /// root, for another round.
  Result<void> empty(int folder, const std::string& path, int depth);

  /// How many names were given to what was moved, in this round and those before it.
  [[nodiscard]] unsigned next_name() const noexcept { return next_name_; }
  [[nodiscard]] bool moved() const noexcept { return next_name_ != first_name_; }

 private:
  Result<void> remove_folder(int parent, const char* name, const std::string& path, int depth);

  const int root_;
  const dev_t device_;
  const unsigned first_name_;
  unsigned next_name_;
};

Result<void> Removal::empty(int folder, const std::string& path, int depth) {
  const std::unique_ptr<DIR, int (*)(DIR*)> list(::fdopendir(folder), ::closedir);
  if (!list) {
    Error error = failed(path);
    ::close(folder);
    return error;
  }
  while (const dirent* entry = ::readdir(list.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (::unlinkat(folder, name.c_str(), 0) == 0 || errno == ENOENT) continue;
    if (errno != EISDIR && errno != EPERM) return failed(path + "/" + name);
    SLIPWAY_CHECK(remove_folder(folder, name.c_str(), path + "/" + name, depth + 1));
  }
  return {};
}

Result<void> Removal::remove_folder(int parent, const char* name, const std::string& path,
                                    int depth) {
  if (depth > most_depth) {
    const std::string above = ".deep-" + std::to_string(next_name_++);
    return ::renameat(parent, name, root_, above.c_str()) == 0 ? Result<void>() : failed(path);
  }
  const auto open = [&] {
    return ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  };
  int inside = open();
  if (inside < 0 && errno == EACCES) {  // without rights for its owner
    ::fchmodat(parent, name, 0700, 0);
    inside = open();
  }
  if (inside < 0) return failed(path);
  struct stat status {};
  if (::fstat(inside, &status) < 0 || status.st_dev != device_) {
    ::close(inside);
    return failed(path, EBUSY);
  }
  ::fchmod(inside, (status.st_mode & 0777U) | 0700U);
  SLIPWAY_CHECK(empty(inside, path, depth));
  if (::unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
  return failed(path);
}

}  // namespace

Result<void> remove_tree(const std::filesystem::path& folder) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(folder, error);
  if (error == std::errc::no_such_file_or_directory) return {};
  if (error) return failed(folder.string(), error.value());
  unmount_below(real.string());
  unsigned next_name = 0;
  while (true) {
    const int inside = ::open(real.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (inside < 0) return errno == ENOENT ? Result<void>() : failed(real.string());
    struct stat status {};
    if (::fstat(inside, &status) < 0) {
      Error wrong = failed(real.string());
      ::close(inside);
      return wrong;
    }
    Removal removal(inside, status.st_dev, next_name);
    SLIPWAY_CHECK(removal.empty(inside, real.string(), 0));
    next_name = removal.next_name();
    if (removal.moved()) continue;
    if (::rmdir(real.c_str()) == 0 || errno == ENOENT) return {};
    return failed(real.string());
  }
}

}  // namespace slipway
