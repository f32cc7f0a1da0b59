#include "archive/tar_extract.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "archive/tree_writer.hpp"

namespace slipway {
namespace {

using archive::Descriptor;
using archive::TreeWriter;

struct FreeArchive {
  void operator()(struct archive* reader) const { archive_read_free(reader); }
};
using Reader = std::unique_ptr<struct archive, FreeArchive>;

/// What libarchive's callbacks work on.
struct Feed {
  const ByteSource& source;
  std::array<std::byte, std::size_t{128} * 1024> buffer{};
  std::optional<Error> error;  // the source's
  bool any = false;

  static la_ssize_t read(struct archive* reader, void* self, const void** bytes) {
    Feed& feed = *static_cast<Feed*>(self);
    auto got = feed.source(feed.buffer);
    if (!got) {
      feed.error = std::move(got).error();
      archive_set_error(reader, EIO, "the source failed");
      return -1;
    }
    feed.any = feed.any || *got > 0;
    *bytes = feed.buffer.data();
    return static_cast<la_ssize_t>(*got);
  }
};

class Extraction {
 public:
  Extraction(const ByteSource& source, const ExtractLimits& limits, TreeWriter& tree)
      : feed_(std::make_unique<Feed>(Feed{source, {}, {}, false})), limits_(limits), tree_(tree) {}

  Result<ExtractSummary> run();

 private:
  Result<void> open();
  Result<void> take(archive_entry* entry);
  Result<void> take_file(archive_entry* entry, std::string_view name);
  Result<void> write_data(int file, std::string_view name);
  [[nodiscard]] Error damaged() const;

  std::unique_ptr<Feed> feed_;
  Reader reader_;
  const ExtractLimits& limits_;
  TreeWriter& tree_;
  ExtractSummary summary_;
};

Error Extraction::damaged() const {
  if (feed_->error) return *feed_->error;
  if (!feed_->any) return Error(ErrorCode::invalid_argument, "the archive is empty: no byte came");
  const char* text = archive_error_string(reader_.get());
  return Error(ErrorCode::invalid_argument,
               std::string("the archive is damaged or is no tar (plain, gzip or zstd): ") +
                   (text != nullptr ? text : "unknown"));
}

Result<void> Extraction::open() {
  reader_.reset(archive_read_new());
  if (!reader_) return Error(ErrorCode::io, "libarchive has no memory");
  archive_read_support_format_tar(reader_.get());
  archive_read_support_filter_gzip(reader_.get());
  archive_read_support_filter_zstd(reader_.get());
  if (archive_read_open(reader_.get(), feed_.get(), nullptr, Feed::read, nullptr) != ARCHIVE_OK)
    return damaged();
  return {};
}

Result<ExtractSummary> Extraction::run() {
  SLIPWAY_CHECK(open());
  archive_entry* entry = nullptr;
  while (true) {
    const int result = archive_read_next_header(reader_.get(), &entry);
    if (result == ARCHIVE_EOF) break;
    // A warning is a name that does not fit the locale: bytes are bytes here.
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return damaged();
    if (++summary_.entries > limits_.entries)
      return Error(ErrorCode::too_large,
                   "the archive has more than " + std::to_string(limits_.entries) + " entries");
    SLIPWAY_CHECK(take(entry));
  }
  if (!feed_->any) return damaged();
  return summary_;
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
    const int result = archive_read_data_block(reader_.get(), &block, &size, &offset);
    if (result != ARCHIVE_OK && result != ARCHIVE_EOF && result != ARCHIVE_WARN) return damaged();
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
