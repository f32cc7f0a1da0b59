#include "archive/tar_extract.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

#include "archive/archive_input.hpp"
#include "archive/tree_writer.hpp"

namespace slipway {
namespace {

using archive::ArchiveInput;
using archive::Descriptor;
using archive::TreeWriter;

class Extraction {
 public:
  Extraction(const ByteSource& source, const ExtractLimits& limits, TreeWriter& tree)
      : input_(source), limits_(limits), tree_(tree) {}

  Result<ExtractSummary> run();

 private:
  Result<void> take(archive_entry* entry);
  Result<void> take_file(archive_entry* entry, std::string_view name);
  Result<void> write_data(int file, std::string_view name);

  ArchiveInput input_;
  const ExtractLimits& limits_;
  TreeWriter& tree_;
  ExtractSummary summary_;
};

Result<ExtractSummary> Extraction::run() {
  SLIPWAY_CHECK(input_.open());
  while (true) {
    SLIPWAY_TRY(archive_entry * entry, input_.next_header());
    if (entry == nullptr) return summary_;
    if (++summary_.entries > limits_.entries)
      return Error(ErrorCode::too_large,
                   "the archive has more than " + std::to_string(limits_.entries) + " entries");
    SLIPWAY_CHECK(take(entry));
  }
}

Result<void> Extraction::take(archive_entry* entry) {
  const char* text = archive_entry_pathname(entry);
  if (text == nullptr || *text == '\0')
    return Error(ErrorCode::invalid_argument, "the archive has an entry without a name");
  const std::string_view name(text);
  if (name.size() > limits_.name)
    return Error(ErrorCode::too_large, "the archive has an entry whose name is longer than " +
                                           std::to_string(limits_.name) + " bytes");
  if (const char* target = archive_entry_hardlink(entry))
    return tree_.create_hard_link(name, target);
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
      return take_file(entry, name);
    case AE_IFDIR:
      return tree_.create_folder(name, archive_entry_perm(entry));
    case AE_IFLNK: {
      const char* target = archive_entry_symlink(entry);
      return tree_.create_symlink(name, target != nullptr ? target : "");
    }
    default:
      return Error(ErrorCode::invalid_argument, "archive entry \"" +
                                                    std::string(name.substr(0, 200)) +
                                                    "\" is a device, FIFO or socket; leave it out");
  }
}

Result<void> Extraction::take_file(archive_entry* entry, std::string_view name) {
  SLIPWAY_TRY(Descriptor file, tree_.create_file(name, archive_entry_perm(entry)));
  SLIPWAY_CHECK(write_data(file.get(), name));
  if (archive_entry_mtime_is_set(entry)) {
    timespec times[2]{};
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_sec = archive_entry_mtime(entry);
    times[1].tv_nsec = archive_entry_mtime_nsec(entry);
    ::futimens(file.get(), times);  // a time that the file system cannot hold harms nobody
  }
  return {};
}

Result<void> Extraction::write_data(int file, std::string_view name) {
  la_int64_t end = 0;
  while (true) {
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int result = archive_read_data_block(input_.get(), &block, &size, &offset);
    if (result != ARCHIVE_OK && result != ARCHIVE_EOF && result != ARCHIVE_WARN) return input_.damaged();
    // A sparse file counts as what reading it gives; at the end the offset is its size.
    const auto reach = std::max(end, offset + static_cast<la_int64_t>(size));
    summary_.bytes += static_cast<std::uint64_t>(reach - end);
    if (summary_.bytes > limits_.bytes)
      return Error(ErrorCode::too_large,
                   "the archive unpacks to more than " + std::to_string(limits_.bytes) + " bytes");
    end = reach;
    if (result == ARCHIVE_EOF) break;
    const auto* bytes = static_cast<const char*>(block);
    while (size > 0) {
      const ssize_t written = ::pwrite(file, bytes, size, offset);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0)
        return Error(ErrorCode::io, "archive entry \"" + std::string(name.substr(0, 200)) +
                                        "\": " + std::generic_category().message(errno));
      bytes += written;
      size -= static_cast<std::size_t>(written);
      offset += written;
    }
  }
  if (::ftruncate(file, end) < 0)
    return Error(ErrorCode::io, "archive entry \"" + std::string(name.substr(0, 200)) +
                                    "\": " + std::generic_category().message(errno));
  return {};
}

}  // namespace

Result<ExtractSummary> extract_tar(const ByteSource& source, const std::filesystem::path& folder,
                                   const ExtractLimits& limits) {
  SLIPWAY_TRY(TreeWriter tree, TreeWriter::open(folder));
  return Extraction(source, limits, tree).run();
}

Result<ExtractSummary> extract_tar_file(const std::filesystem::path& file,
                                        const std::filesystem::path& folder,
                                        const ExtractLimits& limits) {
  const Descriptor input(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (input.get() < 0)
    return Error(errno == ENOENT ? ErrorCode::not_found : ErrorCode::io,
                 file.string() + ": " + std::generic_category().message(errno));
  return extract_tar(
      [&](std::span<std::byte> into) -> Result<std::size_t> {
        const ssize_t got = ::read(input.get(), into.data(), into.size());
        if (got >= 0) return static_cast<std::size_t>(got);
        return Error(ErrorCode::io, file.string() + ": " + std::generic_category().message(errno));
      },
      folder, limits);
}

}  // namespace slipway
