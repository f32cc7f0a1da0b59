#include "lmdb/growth.hpp"

#include <fcntl.h>

#include <algorithm>

namespace slipway::lmdb {

int Growth::reach(std::uint64_t end) noexcept {
  end = std::min(end, limit_);
  if (end <= allocated_) return 0;
  const std::uint64_t ahead = std::min(end + std::min(end, most_ahead), limit_);
  return allocate(ahead) == 0 ? 0 : allocate(end);
}

int Growth::allocate(std::uint64_t end) noexcept {
  const int status = ::posix_fallocate(descriptor_, static_cast<off_t>(allocated_),
                                       static_cast<off_t>(end - allocated_));
  if (status == 0) allocated_ = end;
  return status;
}

}  // namespace slipway::lmdb
