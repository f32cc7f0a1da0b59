#include "archive/archive_input.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>

namespace slipway::archive {

struct ArchiveInput::State {
  struct Free {
    void operator()(struct archive* opened) const { archive_read_free(opened); }
  };

  ByteSource source;
  ByteSkip pass_over;
  std::array<std::byte, std::size_t{128} * 1024> buffer{};
  std::optional<Error> error;  // the source's
  std::uint64_t consumed = 0;
  std::unique_ptr<struct archive, Free> reader;

  static la_ssize_t read(struct archive* reader, void* self, const void** bytes) {
    State& state = *static_cast<State*>(self);
    auto got = state.source(state.buffer);
    if (!got) return state.keep(reader, std::move(got).error());
    state.consumed += *got;
    *bytes = state.buffer.data();
    return static_cast<la_ssize_t>(*got);
  }

  static la_int64_t skip(struct archive* reader, void* self, la_int64_t wanted) {
    State& state = *static_cast<State*>(self);
    if (!state.pass_over || wanted <= 0) return 0;
    auto passed = state.pass_over(static_cast<std::uint64_t>(wanted));
    if (!passed) return state.keep(reader, std::move(passed).error());
    state.consumed += *passed;
    return static_cast<la_int64_t>(*passed);
  }

  int keep(struct archive* failed, Error why) {
    error = std::move(why);
    archive_set_error(failed, EIO, "the source failed");
    return ARCHIVE_FATAL;
  }
};

ArchiveInput::ArchiveInput(ByteSource source, ByteSkip skip) : state_(std::make_unique<State>()) {
  state_->source = std::move(source);
  state_->pass_over = std::move(skip);
}

ArchiveInput::~ArchiveInput() = default;

struct archive* ArchiveInput::get() const noexcept { return state_->reader.get(); }

std::uint64_t ArchiveInput::consumed() const noexcept { return state_->consumed; }

Error ArchiveInput::damaged() const {
  if (state_->error) return *state_->error;
  if (state_->consumed == 0)
    return Error(ErrorCode::invalid_argument, "the archive is empty: no byte came");
  const char* text = archive_error_string(get());
  return Error(ErrorCode::invalid_argument,
               std::string("the archive is damaged or is no tar (plain, gzip or zstd): ") +
                   (text != nullptr ? text : "unknown"));
}

Result<void> ArchiveInput::open() {
  state_->reader.reset(archive_read_new());
  if (!state_->reader) return Error(ErrorCode::io, "libarchive has no memory");
  archive_read_support_format_tar(get());
  archive_read_support_filter_gzip(get());
  archive_read_support_filter_zstd(get());
  if (archive_read_open2(get(), state_.get(), nullptr, State::read, State::skip, nullptr) !=
      ARCHIVE_OK)
    return damaged();
  return {};
}

Result<archive_entry*> ArchiveInput::next_header() {
  archive_entry* entry = nullptr;
  const int result = archive_read_next_header(get(), &entry);
  if (result == ARCHIVE_EOF) {
    if (state_->consumed == 0 || state_->error) return damaged();
    return nullptr;
  }
  // A warning is a name that does not fit the locale: bytes are bytes here.
  if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return damaged();
  return entry;
}

}  // namespace slipway::archive
