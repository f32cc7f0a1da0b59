#include "beast/object_sender.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

namespace slipway::beast {
namespace {

constexpr std::size_t copied_piece = std::size_t{256} * 1024;
constexpr std::size_t mapped_piece = std::size_t{4} * 1024 * 1024;
/// Below this, copying costs less than a mapping and its page faults.
constexpr std::uint64_t least_mapped = copied_piece;
constexpr std::size_t least_page = 4096;

std::size_t page_size() noexcept {
  static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

/// Asks cachestat(2), which walks the cache's own tree: a tenth of what mincore costs. nullopt
/// where the kernel (before 6.5) has none. C libraries do not know it yet.
std::optional<bool> cached(int file, std::uint64_t offset, std::uint64_t size) {
  constexpr long cachestat_number = 451;  // the same on every architecture
  struct {
    std::uint64_t offset, length;
  } const range{offset, size};
  struct {
    std::uint64_t cached, dirty, writeback, evicted, recently_evicted;
  } counts{};
  if (::syscall(cachestat_number, file, &range, &counts, 0U) != 0) return std::nullopt;
  const std::uint64_t page = page_size();
  const std::uint64_t pages = (offset + size + page - 1) / page - offset / page;
  return counts.cached >= pages;
}

}  // namespace

ObjectSender::ObjectSender(ObjectBody body, bool may_map)
    : body_(std::move(body)), offset_(body_.range.offset) {
  if (may_map && body_.object->file_descriptor() >= 0 && body_.range.length > least_mapped) map();
  if (mapping_ == nullptr) allocate();
}

ObjectSender::~ObjectSender() {
  if (mapping_ != nullptr) ::munmap(mapping_, mapping_size_);
}

void ObjectSender::map() {
  const std::uint64_t start = body_.range.offset / page_size() * page_size();
  const auto size = static_cast<std::size_t>(body_.range.end() - start);
  void* mapping = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, body_.object->file_descriptor(),
                         static_cast<off_t>(start));
  if (mapping == MAP_FAILED) return;
  mapping_ = static_cast<char*>(mapping);
  mapping_offset_ = start;
  mapping_size_ = size;
}

void ObjectSender::allocate() {
  buffer_ = std::make_unique_for_overwrite<char[]>(
      static_cast<std::size_t>(std::min<std::uint64_t>(copied_piece, body_.range.length)));
}

std::size_t ObjectSender::piece_size(std::size_t most) const noexcept {
  return static_cast<std::size_t>(std::min<std::uint64_t>(most, body_.range.end() - offset_));
}

ObjectSender::Next ObjectSender::next(boost::asio::const_buffer& piece) {
  if (broken_) return Next::broken;
  if (offset_ == body_.range.end()) return Next::end;
  return mapping_ != nullptr ? next_mapped(piece) : next_copied(piece);
}

ObjectSender::Next ObjectSender::hand_out(const char* data, std::size_t size,
                                          boost::asio::const_buffer& piece) {
  piece = boost::asio::const_buffer(data, size);
  offset_ += size;
  return Next::ready;
}

ObjectSender::Next ObjectSender::next_mapped(boost::asio::const_buffer& piece) {
  const std::size_t size = piece_size(mapped_piece);
  // A piece that was just warmed may in part have left the cache again: then the thread waits for
  // the disk, rather than going round forever.
  if (!std::exchange(warmed_, false) && !resident(size)) return Next::cold;
  return hand_out(mapping_ + (offset_ - mapping_offset_), size, piece);
}

bool ObjectSender::resident(std::size_t size) {
  if (const auto known = cached(body_.object->file_descriptor(), offset_, size)) return *known;
  std::array<unsigned char, mapped_piece / least_page + 1> pages{};
  const std::size_t page = page_size();
  const std::uint64_t first = (offset_ - mapping_offset_) / page * page;
  const std::uint64_t end = offset_ - mapping_offset_ + size;
  const auto count = static_cast<std::size_t>((end - first + page - 1) / page);
  if (::mincore(mapping_ + first, static_cast<std::size_t>(end - first), pages.data()) != 0)
    return false;
  return std::all_of(pages.begin(), pages.begin() + static_cast<std::ptrdiff_t>(count),
                     [](unsigned char state) { return (state & 1U) != 0; });
}

ObjectSender::Next ObjectSender::next_copied(boost::asio::const_buffer& piece) {
  if (read_ahead_ > 0) return hand_out(buffer_.get(), std::exchange(read_ahead_, 0), piece);
  const int file = body_.object->file_descriptor();
  if (file < 0) return Next::cold;
  const iovec into{buffer_.get(), piece_size(copied_piece)};
  const ssize_t size = ::preadv2(file, &into, 1, static_cast<off_t>(offset_), RWF_NOWAIT);
  if (size > 0) return hand_out(buffer_.get(), static_cast<std::size_t>(size), piece);
  return Next::cold;
}

void ObjectSender::warm() {
  if (buffer_ == nullptr) allocate();
  std::size_t left = piece_size(mapping_ != nullptr ? mapped_piece : copied_piece);
  for (std::uint64_t offset = offset_; left > 0;) {
    const std::size_t part = std::min(left, copied_piece);
    const auto read =
        body_.object->read_at(offset, std::as_writable_bytes(std::span(buffer_.get(), part)));
    if (!read || *read != part) {
      broken_ = true;
      return;
    }
    offset += part;
    left -= part;
    if (mapping_ == nullptr) read_ahead_ = part;
  }
  warmed_ = true;
}

}  // namespace slipway::beast
