#include "archive/tar_reader.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "archive/archive_input.hpp"
#include "archive/tree_writer.hpp"

namespace slipway {
namespace {

TarEntry::Type type_of(archive_entry* entry) {
  if (archive_entry_hardlink(entry) != nullptr) return TarEntry::Type::hard_link;
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG: return TarEntry::Type::file;
    case AE_IFDIR: return TarEntry::Type::folder;
    case AE_IFLNK: return TarEntry::Type::symlink;
    default: return TarEntry::Type::other;
  }
}

std::string_view text_or_empty(const char* text) { return text != nullptr ? text : ""; }

std::string join(const std::vector<std::string>& parts) {
  std::string name;
  for (const std::string& part : parts) name.append(name.empty() ? "" : "/").append(part);
  return name;
}

}  // namespace

struct TarReader::State {
  State(ByteSource source, const TarLimits& most, ByteSkip skip)
      : input(std::move(source), std::move(skip)), limits(most) {}

  Result<TarEntry> take(archive_entry* entry);
  /// Counts what came out. Errors: too_large.
  Result<void> count(std::uint64_t more);
  /// The rest of the current file, where passing over it costs as much as reading it.
  Result<void> drain();

  archive::ArchiveInput input;
  const TarLimits limits;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;  // that came out
  std::uint64_t left = 0;   // of the current file
};

Result<TarEntry> TarReader::State::take(archive_entry* entry) {
  TarEntry taken;
  taken.type = type_of(entry);
  taken.name = text_or_empty(archive_entry_pathname(entry));
  if (taken.name.empty())
    return Error(ErrorCode::invalid_argument, "the archive has an entry without a name");
  if (taken.type == TarEntry::Type::hard_link)
    taken.target = text_or_empty(archive_entry_hardlink(entry));
  if (taken.type == TarEntry::Type::symlink)
    taken.target = text_or_empty(archive_entry_symlink(entry));
  if (taken.name.size() > limits.name || taken.target.size() > limits.name)
    return Error(ErrorCode::too_large, "the archive has an entry whose name is longer than " +
                                           std::to_string(limits.name) + " bytes");
  const la_int64_t size = archive_entry_size(entry);
  if (size < 0)
    return Error(ErrorCode::invalid_argument, quoted_entry(taken.name) + " has a negative size");
  if (taken.type == TarEntry::Type::file) taken.size = static_cast<std::uint64_t>(size);
  taken.mode = static_cast<unsigned>(archive_entry_perm(entry));
  taken.mtime = archive_entry_mtime(entry);
  taken.mtime_nanoseconds = archive_entry_mtime_nsec(entry);
  return taken;
}

Result<void> TarReader::State::count(std::uint64_t more) {
  bytes += more;
  if (bytes > limits.bytes)
    return Error(ErrorCode::too_large,
                 "the archive unpacks to more than " + std::to_string(limits.bytes) + " bytes");
  if (bytes > limits.ratio_from && bytes / limits.ratio > input.consumed())
    return Error(ErrorCode::too_large,
                 "the archive unpacks to more than " + std::to_string(limits.ratio) +
                     " times its size, as a bomb does; unpack it yourself if you trust it");
  return {};
}

Result<void> TarReader::State::drain() {
  if (left == 0 || archive_filter_code(input.get(), 0) == ARCHIVE_FILTER_NONE) return {};
  while (true) {
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int result = archive_read_data_block(input.get(), &block, &size, &offset);
    if (result == ARCHIVE_EOF) return {};
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return input.damaged();
    SLIPWAY_CHECK(count(size));
  }
}

TarReader::TarReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
TarReader::~TarReader() = default;
TarReader::TarReader(TarReader&&) noexcept = default;
TarReader& TarReader::operator=(TarReader&&) noexcept = default;

Result<TarReader> TarReader::open(ByteSource source, const TarLimits& limits, ByteSkip skip) {
  auto state = std::make_unique<State>(std::move(source), limits, std::move(skip));
  SLIPWAY_CHECK(state->input.open());
  return TarReader(std::move(state));
}

Result<std::optional<TarEntry>> TarReader::next() {
  SLIPWAY_CHECK(state_->drain());
  SLIPWAY_TRY(archive_entry * entry, state_->input.next_header());
  if (entry == nullptr) return std::optional<TarEntry>();
  if (++state_->entries > state_->limits.entries)
    return Error(ErrorCode::too_large, "the archive has more than " +
                                           std::to_string(state_->limits.entries) + " entries");
  SLIPWAY_TRY(TarEntry taken, state_->take(entry));
  state_->left = taken.size;
  return std::optional<TarEntry>(std::move(taken));
}

Result<std::size_t> TarReader::read(std::span<std::byte> out) {
  out = out.first(static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), state_->left)));
  if (out.empty()) return std::size_t{0};
  const la_ssize_t read = archive_read_data(state_->input.get(), out.data(), out.size());
  if (read < 0) return state_->input.damaged();
  std::size_t got = static_cast<std::size_t>(read);
  if (got == 0) {
    // libarchive leaves out the hole at a sparse file's end.
    std::fill(out.begin(), out.end(), std::byte{0});
    got = out.size();
  }
  state_->left -= got;
  SLIPWAY_CHECK(state_->count(got));
  return got;
}

Result<std::string> parse_entry_name(std::string_view name) {
  SLIPWAY_TRY(const std::vector<std::string> parts, archive::split_entry_name(name));
  return join(parts);
}

Result<std::string> resolve_entry_link(std::string_view name, std::string_view target) {
  const auto leaves = [&] {
    return Error(ErrorCode::invalid_argument, quoted_entry(name) + " is a link that leaves: to \"" +
                                                  std::string(target.substr(0, 200)) + "\"");
  };
  if (target.empty() || target.starts_with('/')) return leaves();
  SLIPWAY_TRY(std::vector<std::string> parts, archive::split_entry_name(name));
  if (!parts.empty()) parts.pop_back();
  while (!target.empty()) {
    const std::size_t end = std::min(target.find('/'), target.size());
    const std::string_view part = target.substr(0, end);
    target.remove_prefix(std::min(end + 1, target.size()));
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.emplace_back(part);
      continue;
    }
    if (parts.empty()) return leaves();
    parts.pop_back();
  }
  return join(parts);
}

std::string quoted_entry(std::string_view name) {
  return "archive entry \"" + std::string(name.substr(0, 200)) + "\"";
}

}  // namespace slipway
