// Objects for answers: in memory, and in a file that a test can make cold or damage.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <slipway/http/message.hpp>
#include <slipway/storage/object_store.hpp>

namespace slipway::testing {

/// Bytes that differ from each other wherever one looks.
inline std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint64_t state = 88172645463325252U;
  for (char& byte : bytes) {
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    byte = static_cast<char>(state);
  }
  return bytes;
}

class MemoryObject final : public Object {
 public:
  explicit MemoryObject(std::string bytes) : bytes_(std::move(bytes)) {}
  [[nodiscard]] std::uint64_t size() const noexcept override { return bytes_.size(); }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    if (fails) return Error(ErrorCode::io, "bad disk");
    const auto bytes = std::as_bytes(std::span(bytes_)).subspan(static_cast<std::size_t>(offset));
    const std::size_t size = std::min(bytes.size(), out.size());
    std::copy_n(bytes.begin(), size, out.begin());
    return size;
  }
  std::atomic<bool> fails = false;

 private:
  const std::string bytes_;
};

class FileObject final : public Object {
 public:
  explicit FileObject(const std::string& bytes) : size_(bytes.size()) {
    std::string name = ::testing::TempDir() + "slipway-object-XXXXXX";
    file_ = ::mkostemp(name.data(), O_CLOEXEC);
    ::unlink(name.c_str());
    for (std::size_t at = 0; at < bytes.size();)
      at += static_cast<std::size_t>(::write(file_, bytes.data() + at, bytes.size() - at));
  }
  ~FileObject() override { ::close(file_); }
  [[nodiscard]] std::uint64_t size() const noexcept override { return size_; }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    reads.fetch_add(1);
    const ssize_t size = ::pread(file_, out.data(), out.size(), static_cast<off_t>(offset));
    if (size < 0) return Error(ErrorCode::io, "pread");
    return static_cast<std::size_t>(size);
  }
  [[nodiscard]] int file_descriptor() const noexcept override { return file_; }

  /// Drops it from the page cache, where the file system does that.
  void make_cold() const {
    ::fsync(file_);
    ::posix_fadvise(file_, 0, 0, POSIX_FADV_DONTNEED);
  }

  /// Its pages are gone from every mapping, as those are that a disk refuses to read.
  void lose_bytes() const { EXPECT_EQ(::ftruncate(file_, 0), 0); }

  mutable std::atomic<int> reads = 0;

 private:
  std::uint64_t size_;
  int file_ = -1;
};

/// Parts from everywhere in the object, of sizes that are copied and that are mapped.
inline ObjectPartsBody parts_of(std::shared_ptr<const Object> object) {
  const std::uint64_t size = object->size();
  return {std::move(object),
          {{"first\r\n", {size - 1, 1}},
           {"second\r\n", {5000, 5'000'000}},
           {"", {0, 10}},
           {"nothing behind this\r\n", {}},
           {"fourth\r\n", {4096, 262'145}},
           {"the end", {}}}};
}

inline std::string bytes_of(const ObjectPartsBody& body, const std::string& object) {
  std::string bytes;
  for (const auto& [text, range] : body.parts)
    bytes.append(text).append(object, range.offset, range.length);
  return bytes;
}

}  // namespace slipway::testing
