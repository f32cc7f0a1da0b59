#include "archive/tree_writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace slipway::archive {
namespace {

constexpr mode_t new_folder_mode = 0755;

std::string quoted(std::string_view name) {
  return "archive entry \"" + std::string(name.substr(0, 200)) + "\"";
}

Error refused(std::string_view name, std::string_view why) {
  return Error(ErrorCode::invalid_argument, quoted(name).append(" ").append(why));
}

Error failed(std::string_view name, std::string_view what, int code = errno) {
  return Error(ErrorCode::io, quoted(name).append(": ").append(what).append(": ").append(
                                  std::generic_category().message(code)));
}

/// Makes room for something that is no folder.
Result<void> remove_old(int parent, const std::string& leaf, std::string_view name) {
  if (::unlinkat(parent, leaf.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno == EISDIR || errno == EPERM) return refused(name, "would replace a folder");
  return failed(name, "cannot be replaced");
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(value_, other.value_);
  return *this;
}

Descriptor::~Descriptor() {
  if (value_ >= 0) ::close(value_);
}

Result<std::vector<std::string>> split_entry_name(std::string_view name) {
  if (name.starts_with('/')) return refused(name, "has an absolute name");
  if (name.find('\0') != std::string_view::npos) return refused(name, "has a NUL byte in its name");
  std::vector<std::string> parts;
  for (std::string_view rest = name; !rest.empty();) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (part == "..") return refused(name, "has \"..\" in its name");
    if (!part.empty() && part != ".") parts.emplace_back(part);
  }
  return parts;
}

Result<TreeWriter> TreeWriter::open(const std::filesystem::path& folder) {
  Descriptor root(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (root.get() < 0)
    return Error(errno == ENOENT ? ErrorCode::not_found : ErrorCode::io,
                 folder.string() + ": " + std::generic_category().message(errno));
  return TreeWriter(std::move(root));
}

Result<TreeWriter::Place> TreeWriter::find_place(std::string_view name, bool make_parents) {
  SLIPWAY_TRY(std::vector<std::string> parts, split_entry_name(name));
  Place place{Descriptor(::fcntl(root_.get(), F_DUPFD_CLOEXEC, 0)), {}};
  if (place.parent.get() < 0) return failed(name, "cannot be opened");
  if (parts.empty()) return place;
  place.leaf = std::move(parts.back());
  parts.pop_back();
  for (const std::string& part : parts) {
    if (make_parents && ::mkdirat(place.parent.get(), part.c_str(), new_folder_mode) < 0 &&
        errno != EEXIST)
      return failed(name, "its folder cannot be made");
    Descriptor next(::openat(place.parent.get(), part.c_str(),
                             O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (next.get() < 0) {
      if (errno == ELOOP || errno == ENOTDIR)
        return refused(name, "lies behind \"" + part + "\", which is a link or no folder");
      if (errno == ENOENT) return refused(name, "is not there");
      return failed(name, "its folder cannot be opened");
    }
    place.parent = std::move(next);
  }
  return place;
}

Result<Descriptor> TreeWriter::create_file(std::string_view name, mode_t mode) {
  SLIPWAY_TRY(Place place, find_place(name, true));
  if (place.leaf.empty()) return refused(name, "names the folder itself");
  SLIPWAY_CHECK(remove_old(place.parent.get(), place.leaf, name));
  Descriptor file(::openat(place.parent.get(), place.leaf.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.get() < 0) return failed(name, "cannot be made");
  if (::fchmod(file.get(), mode & 0777U) < 0) return failed(name, "its mode cannot be set");
  return file;
}

Result<void> TreeWriter::create_folder(std::string_view name, mode_t mode) {
  SLIPWAY_TRY(Place place, find_place(name, true));
  if (place.leaf.empty()) return {};
  if (::mkdirat(place.parent.get(), place.leaf.c_str(), new_folder_mode) < 0) {
    if (errno != EEXIST) return failed(name, "cannot be made");
    struct stat there {};
    if (::fstatat(place.parent.get(), place.leaf.c_str(), &there, AT_SYMLINK_NOFOLLOW) < 0)
      return failed(name, "cannot be looked at");
    if (!S_ISDIR(there.st_mode)) {
      SLIPWAY_CHECK(remove_old(place.parent.get(), place.leaf, name));
      if (::mkdirat(place.parent.get(), place.leaf.c_str(), new_folder_mode) < 0)
        return failed(name, "cannot be made");
    }
  }
  const Descriptor folder(::openat(place.parent.get(), place.leaf.c_str(),
                                   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  // Its owner can always go on filling and removing it.
  if (folder.get() < 0 || ::fchmod(folder.get(), (mode & 0777U) | 0700U) < 0)
    return failed(name, "its mode cannot be set");
  return {};
}

Result<void> TreeWriter::create_symlink(std::string_view name, const std::string& target) {
  SLIPWAY_TRY(Place place, find_place(name, true));
  if (place.leaf.empty()) return refused(name, "names the folder itself");
  SLIPWAY_CHECK(remove_old(place.parent.get(), place.leaf, name));
  if (::symlinkat(target.c_str(), place.parent.get(), place.leaf.c_str()) < 0)
    return failed(name, "cannot be made");
  return {};
}

Result<void> TreeWriter::create_hard_link(std::string_view name, std::string_view target) {
  SLIPWAY_TRY(Place from, find_place(target, false));
  SLIPWAY_TRY(Place place, find_place(name, true));
  if (place.leaf.empty() || from.leaf.empty()) return refused(name, "links to a folder");
  struct stat there {};
  if (::fstatat(from.parent.get(), from.leaf.c_str(), &there, AT_SYMLINK_NOFOLLOW) < 0)
    return refused(name, "links to \"" + std::string(target.substr(0, 200)) +
                             "\", which does not come before it");
  if (!S_ISREG(there.st_mode) && !S_ISLNK(there.st_mode))
    return refused(name, "links to what is no file");
  struct stat old {};
  if (::fstatat(place.parent.get(), place.leaf.c_str(), &old, AT_SYMLINK_NOFOLLOW) == 0 &&
      old.st_dev == there.st_dev && old.st_ino == there.st_ino)
    return {};
  SLIPWAY_CHECK(remove_old(place.parent.get(), place.leaf, name));
  if (::linkat(from.parent.get(), from.leaf.c_str(), place.parent.get(), place.leaf.c_str(), 0) < 0)
    return failed(name, "cannot be linked");
  return {};
}

}  // namespace slipway::archive
