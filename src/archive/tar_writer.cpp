#include "archive/tar_writer.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

namespace slipway {
namespace {

Error no_memory() { return Error(ErrorCode::io, "libarchive has no memory"); }

unsigned file_type(TarEntry::Type type) {
  switch (type) {
    case TarEntry::Type::folder: return AE_IFDIR;
    case TarEntry::Type::symlink: return AE_IFLNK;
    case TarEntry::Type::file:
    case TarEntry::Type::hard_link:
    case TarEntry::Type::other: break;
  }
  return AE_IFREG;
}

}  // namespace

struct TarWriter::State {
  struct Free {
    void operator()(struct archive* opened) const { archive_write_free(opened); }
  };
  struct FreeEntry {
    void operator()(archive_entry* entry) const { archive_entry_free(entry); }
  };

  ByteSink sink;
  std::optional<Error> error;  // the sink's
  std::unique_ptr<struct archive, Free> writer;

  static la_ssize_t take(struct archive* writer, void* self, const void* bytes, std::size_t size) {
    State& state = *static_cast<State*>(self);
    // After a failure the archive's end is not wanted either: freeing the writer would write it.
    if (state.error) return -1;
    auto result = state.sink(std::span(static_cast<const std::byte*>(bytes), size));
    if (result) return static_cast<la_ssize_t>(size);
    state.error = std::move(result).error();
    archive_set_error(writer, EIO, "the sink failed");
    return -1;
  }

  [[nodiscard]] Error failed() const {
    if (error) return *error;
    const char* text = archive_error_string(writer.get());
    return Error(ErrorCode::io,
                 std::string("the archive cannot be written: ") + (text != nullptr ? text : ""));
  }

  Result<void> compress(Compression compression) {
    int result = ARCHIVE_OK;
    if (compression == Compression::gzip) {
      result = archive_write_add_filter_gzip(writer.get());
      archive_write_set_filter_option(writer.get(), "gzip", "timestamp", nullptr);
    }
    if (compression == Compression::zstd) result = archive_write_add_filter_zstd(writer.get());
    if (result != ARCHIVE_OK) return failed();
    return {};
  }
};

TarWriter::TarWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}

TarWriter::~TarWriter() {
  // What was not finished must not look as if it were.
  if (state_ && state_->writer && !state_->error)
    state_->error = Error(ErrorCode::cancelled, "the archive was given up");
}

TarWriter::TarWriter(TarWriter&&) noexcept = default;
TarWriter& TarWriter::operator=(TarWriter&&) noexcept = default;

Result<TarWriter> TarWriter::open(ByteSink sink, Compression compression) {
  auto state = std::make_unique<State>();
  state->sink = std::move(sink);
  state->writer.reset(archive_write_new());
  if (!state->writer) return no_memory();
  archive_write_set_format_pax_restricted(state->writer.get());
  SLIPWAY_CHECK(state->compress(compression));
  archive_write_set_bytes_in_last_block(state->writer.get(), 1);
  if (archive_write_open(state->writer.get(), state.get(), nullptr, State::take, nullptr) !=
      ARCHIVE_OK)
    return state->failed();
  return TarWriter(std::move(state));
}

Result<void> TarWriter::add(const TarEntry& entry) {
  const std::unique_ptr<archive_entry, State::FreeEntry> header(archive_entry_new());
  if (!header) return no_memory();
  archive_entry_copy_pathname(header.get(), entry.name.c_str());
  archive_entry_set_filetype(header.get(), file_type(entry.type));
  archive_entry_set_perm(header.get(), entry.mode & 07777U);
  archive_entry_set_mtime(header.get(), entry.mtime, entry.mtime_nanoseconds);
  const bool file = entry.type == TarEntry::Type::file;
  archive_entry_set_size(header.get(), file ? static_cast<la_int64_t>(entry.size) : 0);
  if (entry.type == TarEntry::Type::symlink)
    archive_entry_copy_symlink(header.get(), entry.target.c_str());
  if (entry.type == TarEntry::Type::hard_link)
    archive_entry_copy_hardlink(header.get(), entry.target.c_str());
  const int result = archive_write_header(state_->writer.get(), header.get());
  if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return state_->failed();
  return {};
}

Result<void> TarWriter::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const la_ssize_t written = archive_write_data(state_->writer.get(), bytes.data(), bytes.size());
    if (written < 0) return state_->failed();
    if (written == 0)
      return Error(ErrorCode::invalid_argument, "there is more data than the entry's size says");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> TarWriter::finish() {
  if (archive_write_close(state_->writer.get()) != ARCHIVE_OK) return state_->failed();
  state_->writer.reset();
  return {};
}

}  // namespace slipway
