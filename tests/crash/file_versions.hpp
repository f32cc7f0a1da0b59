// FileVersions: the content of one file, as a disk and the system's page cache have it.
//
// A sector of 512 bytes is written whole or not at all, and those that are not flushed reach the
// disk in any order, each as it was at any moment since its last flush. The size does so too; a part
// of the file that the size covers and that was never written is zeros.
//
// Thread safety: a plain value.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/crash/chooser.hpp"

namespace slipway::crash {

inline constexpr std::size_t sector_size = 512;

class FileVersions {
 public:
  /// `time` is the change's place in the log, ascending.
  void write(std::uint64_t time, std::uint64_t offset, std::string_view bytes);
  void truncate(std::uint64_t time, std::uint64_t size);

  /// All changes before `time` are on the disk.
  void flush(std::uint64_t time);
  /// The bytes of the last write to this range are on the disk, and a size that covers them.
  void write_through(std::uint64_t offset, std::uint64_t size);

  /// What programs read.
  [[nodiscard]] const std::string& content() const noexcept { return newest_; }
  /// What could be read after a power cut.
  [[nodiscard]] std::string content(Chooser& chooser) const;

  /// How many contents there could be, counting some twice; at most `limit`.
  [[nodiscard]] std::uint64_t count(std::uint64_t limit) const;

 private:
  struct Version {
    std::uint64_t time;
    std::string bytes;  // of a whole sector
  };
  struct Size {
    std::uint64_t time;
    std::uint64_t bytes;
  };

  [[nodiscard]] std::vector<std::uint64_t> possible_sizes() const;
  /// A sector with zeros behind the end of `content`.
  static std::string sector_of(const std::string& content, std::uint64_t sector);
  void keep_versions(std::uint64_t time, std::uint64_t first_byte, std::uint64_t last_byte);
  void settle(std::uint64_t sector, const std::string& bytes);

  std::string newest_;
  std::string flushed_;
  std::vector<Size> sizes_;                                // not flushed, oldest first
  std::map<std::uint64_t, std::vector<Version>> sectors_;  // not flushed, oldest first
};

}  // namespace slipway::crash
