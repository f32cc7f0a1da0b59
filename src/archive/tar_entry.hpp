// One entry of a tar, without its data.
//
// Thread safety: a plain value.
#pragma once

#include <cstdint>
#include <string>

namespace slipway {

struct TarEntry {
  enum class Type { file, folder, symlink, hard_link, other };  // other: a device, FIFO or socket

  std::string name;  // bytes, as they stand in the archive
  Type type = Type::file;
  std::string target;      // a link's
  std::uint64_t size = 0;  // bytes of a file, as reading gives them
  unsigned mode = 0644;    // permission bits and those above them
  std::int64_t mtime = 0;  // seconds since 1970
  long mtime_nanoseconds = 0;

  friend bool operator==(const TarEntry&, const TarEntry&) = default;
};

}  // namespace slipway
