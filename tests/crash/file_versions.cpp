#include "tests/crash/file_versions.hpp"

#include <algorithm>

namespace slipway::crash {

std::string FileVersions::sector_of(const std::string& content, std::uint64_t sector) {
  const std::uint64_t start = sector * sector_size;
  std::string bytes = start < content.size() ? content.substr(start, sector_size) : std::string();
  bytes.resize(sector_size, '\0');
  return bytes;
}

void FileVersions::keep_versions(std::uint64_t time, std::uint64_t first_byte,
                                 std::uint64_t last_byte) {
  for (std::uint64_t sector = first_byte / sector_size; sector <= last_byte / sector_size; ++sector)
    sectors_[sector].push_back({time, sector_of(newest_, sector)});
}

void FileVersions::write(std::uint64_t time, std::uint64_t offset, std::string_view bytes) {
  if (bytes.empty()) return;
  const std::uint64_t end = offset + bytes.size();
  if (end > newest_.size()) {
    newest_.resize(end, '\0');
    sizes_.push_back({time, end});
  }
  newest_.replace(offset, bytes.size(), bytes);
  keep_versions(time, offset, end - 1);
}

void FileVersions::truncate(std::uint64_t time, std::uint64_t size) {
  const std::uint64_t before = newest_.size();
  if (size == before) return;
  newest_.resize(size, '\0');
  sizes_.push_back({time, size});
  if (size < before) keep_versions(time, size, before - 1);
}

/// `bytes` is what the disk has of a sector from now on, as far as its size reaches.
void FileVersions::settle(std::uint64_t sector, const std::string& bytes) {
  const std::uint64_t start = sector * sector_size;
  if (start >= flushed_.size()) return;
  const std::size_t size = std::min<std::size_t>(sector_size, flushed_.size() - start);
  flushed_.replace(start, size, bytes, 0, size);
}

void FileVersions::flush(std::uint64_t time) {
  while (!sizes_.empty() && sizes_.front().time < time) {
    flushed_.resize(sizes_.front().bytes, '\0');
    sizes_.erase(sizes_.begin());
  }
  for (auto entry = sectors_.begin(); entry != sectors_.end();) {
    auto& [sector, versions] = *entry;
    while (!versions.empty() && versions.front().time < time) {
      settle(sector, versions.front().bytes);
      versions.erase(versions.begin());
    }
    entry = versions.empty() ? sectors_.erase(entry) : std::next(entry);
  }
}

void FileVersions::write_through(std::uint64_t offset, std::uint64_t size) {
  if (size == 0) return;
  const std::uint64_t end = offset + size;
  if (flushed_.size() < end) {
    flushed_.resize(end, '\0');
    std::erase_if(sizes_, [&](const Size& entry) { return entry.bytes <= end; });
  }
  for (std::uint64_t sector = offset / sector_size; sector <= (end - 1) / sector_size; ++sector) {
    settle(sector, sector_of(newest_, sector));
    sectors_.erase(sector);
  }
}

/// As it was flushed first, and the newest last. A file that grows may have got only so far.
std::vector<std::uint64_t> FileVersions::possible_sizes() const {
  std::vector<std::uint64_t> sizes = {flushed_.size()};
  for (const Size& entry : sizes_) {
    const std::uint64_t before = sizes.back();
    for (std::uint64_t size = (before / sector_size + 1) * sector_size; size < entry.bytes;
         size += sector_size)
      sizes.push_back(size);
    sizes.push_back(entry.bytes);
  }
  return sizes;
}

std::string FileVersions::content(Chooser& chooser) const {
  const std::vector<std::uint64_t> sizes = possible_sizes();
  std::string bytes = flushed_;
  bytes.resize(sizes.size() == 1 ? sizes.front() : sizes[chooser.pick(Part::size, sizes.size())],
               '\0');
  for (const auto& [sector, versions] : sectors_) {
    const std::uint64_t start = sector * sector_size;
    if (start >= bytes.size()) break;
    const std::size_t picked = chooser.pick(Part::sector, versions.size() + 1);
    if (picked == 0) continue;
    const std::size_t size = std::min<std::size_t>(sector_size, bytes.size() - start);
    bytes.replace(start, size, versions[picked - 1].bytes, 0, size);
  }
  return bytes;
}

std::uint64_t FileVersions::count(std::uint64_t limit) const {
  std::uint64_t count = possible_sizes().size();
  for (const auto& [sector, versions] : sectors_) {
    if (count >= limit) return limit;
    count *= versions.size() + 1;
  }
  return std::min(count, limit);
}

}  // namespace slipway::crash
