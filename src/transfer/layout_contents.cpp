#include "transfer/layout_contents.hpp"

#include <slipway/image/manifest.hpp>
#include <slipway/support/hasher.hpp>

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "image/image_layout.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

constexpr std::size_t peeked_bytes = std::size_t{64} * 1024;

Compression compression_of(std::string_view start) {
  if (start.starts_with("\x1f\x8b")) return Compression::gzip;
  if (start.starts_with("\x28\xb5\x2f\xfd")) return Compression::zstd;
  return Compression::none;
}

bool is_well_known(std::string_view name) {
  return name == layout_version_file || name == layout_index_file || name == docker_archive_file;
}

/// JSON that may be a document, as far as its name and beginning tell.
bool looks_like_document(std::string_view name, std::string_view start) {
  const std::size_t first = start.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || start[first] != '{') return false;
  return parse_layout_blob_path(name).has_value() || name.ends_with(".json");
}

class Scan {
 public:
  Scan(LayoutEntries& entries, const LayoutFileTaker& take) : entries_(entries), take_(take) {}

  Result<LayoutContents> run();

 private:
  Result<void> take_link(const TarEntry& entry);
  Result<void> take_file(const TarEntry& entry);
  Result<void> take_document(const TarEntry& entry, std::string start);
  Result<void> keep(const std::string& name, std::string bytes);
  Result<void> hand_over(const TarEntry& entry, std::string_view start);
  /// Adds the entry's next bytes until there are `size`, or no more.
  Result<void> read_up_to(std::string& bytes, std::size_t size);
  Error twice(std::string_view name) const {
    return Error(ErrorCode::invalid_argument, quoted_entry(name) + " comes twice");
  }

  LayoutEntries& entries_;
  const LayoutFileTaker& take_;
  LayoutContents contents_;
  std::size_t document_bytes_ = 0;
};

Result<LayoutContents> Scan::run() {
  while (true) {
    SLIPWAY_TRY(const std::optional<TarEntry> entry, entries_.next());
    if (!entry) return std::move(contents_);
    if (contents_.files.contains(entry->name) || contents_.links.contains(entry->name))
      return twice(entry->name);
    SLIPWAY_CHECK(entry->type == TarEntry::Type::file ? take_file(*entry) : take_link(*entry));
  }
}

Result<void> Scan::take_link(const TarEntry& entry) {
  contents_.links.emplace(entry.name, entry.target);
  return {};
}

Result<void> Scan::read_up_to(std::string& bytes, std::size_t size) {
  std::size_t filled = bytes.size();
  bytes.resize(size);
  while (filled < size) {
    auto got = entries_.read(std::as_writable_bytes(std::span(bytes)).subspan(filled));
    if (!got) return got.error();
    if (*got == 0) break;
    filled += *got;
  }
  bytes.resize(filled);
  return {};
}

Result<void> Scan::take_file(const TarEntry& entry) {
  std::string start;
  const auto peek =
      static_cast<std::size_t>(std::min<std::uint64_t>(entry.size, peeked_bytes));
  if (auto read = read_up_to(start, peek); !read) return read.error().in(entry.name);
  contents_.files.emplace(entry.name, LayoutFile{entry.size, compression_of(start)});
  if (is_well_known(entry.name) || (entry.size <= max_manifest_bytes &&
                                    looks_like_document(entry.name, start)))
    return take_document(entry, std::move(start));
  return hand_over(entry, start);
}

Result<void> Scan::take_document(const TarEntry& entry, std::string start) {
  if (entry.size > max_layout_document_bytes)
    return Error(ErrorCode::too_large,
                 slipway::format("{} has {} bytes; at most {} are taken", quoted_entry(entry.name),
                                 entry.size, max_layout_document_bytes));
  if (auto read = read_up_to(start, static_cast<std::size_t>(entry.size)); !read)
    return read.error().in(entry.name);
  const auto digest = parse_layout_blob_path(entry.name);
  if (!digest) return keep(entry.name, std::move(start));
  // Only manifests decide anything; a config or another blob of JSON is sent like any other.
  if (!parse_manifest(start, "")) return hand_over(entry, start);
  if (const Digest found = digest_of(start, digest->algorithm()); found != *digest)
    return Error(ErrorCode::digest_mismatch,
                 slipway::format("{}: its bytes have the digest {}", quoted_entry(entry.name),
                                 found.to_string()));
  return keep(entry.name, std::move(start));
}

Result<void> Scan::keep(const std::string& name, std::string bytes) {
  document_bytes_ += bytes.size();
  if (document_bytes_ > most_document_bytes)
    return Error(ErrorCode::too_large,
                 slipway::format("{}: the image's documents have more than {} bytes in all",
                                 quoted_entry(name), most_document_bytes));
  contents_.documents.emplace(name, std::move(bytes));
  return {};
}

Result<void> Scan::hand_over(const TarEntry& entry, std::string_view start) {
  if (!take_) return {};
  const ByteSource all = [&](std::span<std::byte> out) -> Result<std::size_t> {
    if (start.empty()) return entries_.read(out);
    const std::size_t count = std::min(out.size(), start.size());
    std::memcpy(out.data(), start.data(), count);
    start.remove_prefix(count);
    return count;
  };
  auto taken = take_(entry.name, contents_.files.at(entry.name), all);
  return taken ? Result<void>() : taken.error().in(entry.name);
}

}  // namespace

Result<std::string> LayoutContents::find(std::string_view name) const {
  constexpr int most_links = 8;
  std::string at(name);
  for (int i = 0; i <= most_links; ++i) {
    if (files.contains(at)) return at;
    const auto link = links.find(at);
    if (link == links.end())
      return Error(ErrorCode::not_found,
                   at == name ? at.append(" is missing")
                              : slipway::format("{} is a link to {}, which is missing", name, at));
    at = link->second;
  }
  return Error(ErrorCode::invalid_argument,
               slipway::format("{} is a link that leads nowhere", quoted_entry(name)));
}

const std::string* LayoutContents::document(std::string_view name) const {
  const auto found = find(name);
  if (!found) return nullptr;
  const auto bytes = documents.find(*found);
  return bytes == documents.end() ? nullptr : &bytes->second;
}

Result<LayoutContents> scan_layout(LayoutEntries& entries, const LayoutFileTaker& take) {
  return Scan(entries, take).run();
}

}  // namespace slipway
