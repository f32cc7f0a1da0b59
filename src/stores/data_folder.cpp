#include "stores/data_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <slipway/storage/open_stores.hpp>

#include "stores/secret_key.hpp"
#include "support/format.hpp"

namespace slipway {

namespace {

namespace fs = std::filesystem;

using files::Descriptor;
using files::file_error;

constexpr std::string_view format_beginning = "slipway data folder, format ";
constexpr std::string_view restoring = "slipway data folder, being restored\n";
constexpr std::string_view format_file = "FORMAT";
constexpr std::string_view new_format_file = "FORMAT.new";
constexpr std::string_view lock_file = "LOCK";

Error not_ours(const fs::path& folder, std::string_view why) {
  return Error(ErrorCode::invalid_argument,
               slipway::format("{} is not a Slipway data folder: {}; name an empty folder or one "
                               "that does not exist yet",
                               folder.native(), why));
}

/// Nothing but what an interrupted making left, what file systems are born with, or a key that was
/// put there beforehand.
/// Errors: invalid_argument, io.
Result<void> check_unused(const fs::path& folder) {
  constexpr std::array<std::string_view, 6> made = {
      "metadata", "blobs", "staging", lock_file, new_format_file, new_secret_key_file_name};
  std::optional<std::string> other;
  bool locked_once = false;
  bool begun = false;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().native();
    if (name == "lost+found" || name == secret_key_file_name) continue;
    if (name == lock_file) locked_once = true;
    begun = true;
    if (std::find(made.begin(), made.end(), name) == made.end()) other = name;
  }
  if (error) return file_error(error.value(), "list", folder);
  if (other)
    return not_ours(folder, slipway::format("it has {} in it and no {}", *other, format_file));
  if (begun && !locked_once)
    return not_ours(folder, slipway::format("it is not empty and has no {}", format_file));
  return {};
}

/// What FORMAT says, one that we read; nullopt when it may be written.
/// Errors: unsupported, invalid_argument, io.
Result<std::optional<int>> check_format(const fs::path& folder) {
  auto text = read_small_file(folder / format_file);
  if (!text && text.error().code == ErrorCode::not_found) {
    SLIPWAY_CHECK(check_unused(folder));
    return std::optional<int>();
  }
  if (!text) return std::move(text).error();

  if (*text == restoring)
    return not_ours(folder, "it was to be made of a backup, which was interrupted");
  int version = 0;
  std::string_view rest = *text;
  if (!rest.starts_with(format_beginning)) return not_ours(folder, "its FORMAT is another's");
  rest.remove_prefix(format_beginning.size());
  const auto [stop, error] = std::from_chars(rest.data(), rest.data() + rest.size(), version);
  if (error != std::errc() || stop == rest.data() + rest.size() || *stop != '\n')
    return not_ours(folder, "its FORMAT is damaged");
  if (version < oldest_data_format_version || version > data_format_version)
    return Error(ErrorCode::unsupported,
                 slipway::format("{} has format {}, this program reads formats {} to {}; use the "
                                 "version of Slipway that wrote it",
                                 folder.native(), version, oldest_data_format_version,
                                 data_format_version));
  return std::optional(version);
}

Result<Descriptor> take_lock(const fs::path& folder) {
  const fs::path path = folder / lock_file;
  SLIPWAY_TRY(Descriptor lock, files::open_file(path, O_RDWR | O_CREAT));
  if (flock(lock.get(), LOCK_EX | LOCK_NB) == 0) {
    const std::string owner = std::to_string(getpid()) + "\n";
    std::uint64_t end = 0;
    if (ftruncate(lock.get(), 0) != 0) return file_error(errno, "write", path);
    SLIPWAY_CHECK(files::write_at(lock, path, end, std::as_bytes(std::span(owner))));
    return lock;
  }
  if (errno != EWOULDBLOCK) return file_error(errno, "lock", path);

  auto owner = read_small_file(path);
  std::string who = owner ? *owner : std::string();
  while (!who.empty() && who.back() == '\n') who.pop_back();
  return Error(
      ErrorCode::conflict,
      slipway::format("{} is in use by {}; stop it or name another folder", folder.native(),
                      who.empty() ? "another process" : "process " + who));
}

}  // namespace

Result<std::string> read_small_file(const fs::path& path) {
  SLIPWAY_TRY(const Descriptor file, files::open_file(path, O_RDONLY));
  std::string text(256, '\0');
  SLIPWAY_TRY(const std::size_t count,
              files::read_at(file, path, 0, std::as_writable_bytes(std::span(text))));
  text.resize(count);
  return text;
}

Result<void> make_folders(const fs::path& folder) {
  std::error_code error;
  if (fs::is_directory(folder, error)) return {};
  if (fs::exists(folder, error)) return not_ours(folder, "it is not a folder");
  if (folder.has_relative_path()) SLIPWAY_CHECK(make_folders(folder.parent_path()));
  return files::make_folder(folder);
}

Result<void> flush_names_above(fs::path folder) {
  while (folder.has_relative_path()) {
    folder = folder.parent_path();
    if (access(folder.c_str(), R_OK | W_OK) != 0) return {};
    SLIPWAY_CHECK(files::sync_folder(folder));
  }
  return {};
}

Result<DataFolder> DataFolder::open(const fs::path& folder) {
  std::error_code error;
  const fs::path absolute = fs::absolute(folder, error);
  const fs::path path = error ? fs::path() : fs::weakly_canonical(absolute, error);
  if (error || folder.empty()) return file_error(error ? error.value() : ENOENT, "find", folder);
  SLIPWAY_CHECK(make_folders(path));
  SLIPWAY_CHECK(check_format(path));
  SLIPWAY_TRY(Descriptor lock, take_lock(path));
  // Again: another process may have been at work.
  SLIPWAY_TRY(const auto format, check_format(path));
  if (!format) {
    SLIPWAY_CHECK(flush_names_above(path));
    // LOCK tells that a folder without FORMAT is of our making: it is there before all else.
    SLIPWAY_CHECK(files::sync_folder(path));
  }
  return DataFolder(path, format, std::move(lock));
}

Result<DataFolder> DataFolder::open_empty(const fs::path& folder) {
  std::error_code error;
  const bool there = fs::exists(folder, error);
  fs::directory_iterator entry;
  if (!error && there) entry = fs::directory_iterator(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error))
    if (entry->path().filename() != "lost+found" &&
        entry->path().filename() != secret_key_file_name)
      return Error(ErrorCode::invalid_argument,
                   slipway::format("{} is not empty; name an empty folder or one that does not "
                                   "exist yet",
                                   folder.native()));
  if (error) return file_error(error.value(), "list", folder);
  return open(folder);
}

Result<void> DataFolder::begin_restore() {
  restored_ = true;
  return write_format(restoring);
}

Result<void> DataFolder::complete() {
  if (format_ == data_format_version) return {};
  SLIPWAY_CHECK(write_format(slipway::format("{}{}\n", format_beginning, data_format_version)));
  format_ = data_format_version;
  return {};
}

Result<void> DataFolder::write_format(std::string_view text) const {
  const fs::path temporary = path_ / new_format_file;
  SLIPWAY_TRY(const Descriptor file, files::open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC));
  std::uint64_t end = 0;
  SLIPWAY_CHECK(files::write_at(file, temporary, end, std::as_bytes(std::span(text))));
  SLIPWAY_CHECK(files::sync_file(file, temporary));
  std::error_code error;
  fs::rename(temporary, path_ / format_file, error);
  if (error) return file_error(error.value(), "rename", temporary);
  return files::sync_folder(path_);
}

}  // namespace slipway
