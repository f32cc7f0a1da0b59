#include "archive/gzip.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <memory>

namespace slipway {
namespace {

struct FreeWriter {
  void operator()(struct archive* opened) const { archive_write_free(opened); }
};
struct FreeReader {
  void operator()(struct archive* opened) const { archive_read_free(opened); }
};
struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

Error failed(struct archive* opened, ErrorCode code, std::string_view what) {
  const char* text = archive_error_string(opened);
  return Error(code, std::string(what) + (text != nullptr ? text : "unknown"));
}

la_ssize_t append(struct archive*, void* out, const void* bytes, std::size_t size) {
  static_cast<std::string*>(out)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

}  // namespace

Result<std::string> gzip(std::string_view bytes) {
  std::string out;
  const std::unique_ptr<struct archive, FreeWriter> writer(archive_write_new());
  const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
  if (!writer || !entry) return Error(ErrorCode::io, "libarchive has no memory");
  archive_write_set_format_raw(writer.get());
  archive_write_add_filter_gzip(writer.get());
  archive_write_set_filter_option(writer.get(), "gzip", "timestamp", nullptr);
  archive_write_set_bytes_per_block(writer.get(), 0);
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_copy_pathname(entry.get(), "bytes");
  const auto whole = static_cast<la_ssize_t>(bytes.size());
  const bool written =
      archive_write_open(writer.get(), &out, nullptr, append, nullptr) == ARCHIVE_OK &&
      archive_write_header(writer.get(), entry.get()) == ARCHIVE_OK &&
      archive_write_data(writer.get(), bytes.data(), bytes.size()) == whole &&
      archive_write_close(writer.get()) == ARCHIVE_OK;
  if (!written) return failed(writer.get(), ErrorCode::io, "bytes cannot be compressed: ");
  return out;
}

Result<std::string> gunzip(std::string_view member, std::size_t limit) {
  const std::unique_ptr<struct archive, FreeReader> reader(archive_read_new());
  if (!reader) return Error(ErrorCode::io, "libarchive has no memory");
  archive_read_support_format_raw(reader.get());
  archive_read_support_filter_gzip(reader.get());
  archive_entry* entry = nullptr;
  if (archive_read_open_memory(reader.get(), member.data(), member.size()) != ARCHIVE_OK ||
      archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK ||
      archive_filter_code(reader.get(), 0) != ARCHIVE_FILTER_GZIP)
    return failed(reader.get(), ErrorCode::invalid_argument, "these bytes are not gzip: ");
  std::string out(limit + 1, '\0');
  std::size_t size = 0;
  while (size < out.size()) {
    const la_ssize_t got =
        archive_read_data(reader.get(), out.data() + size, out.size() - size);
    if (got < 0) return failed(reader.get(), ErrorCode::invalid_argument, "damaged gzip: ");
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > limit) return Error(ErrorCode::too_large, "gzip: there are more bytes than expected");
  out.resize(size);
  return out;
}

}  // namespace slipway
