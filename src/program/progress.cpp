#include "program/progress.hpp"

#include "support/format.hpp"

namespace slipway {

void Progress::add(std::uint64_t bytes) {
  bytes_ += bytes;
  if (line_.is_due()) show(false);
}

void Progress::show(bool last) const {
  std::string line = what_ + ": " + megabytes(bytes_);
  if (total_ && *total_ > 0)
    line += slipway::format(" of {} ({} %)", megabytes(*total_), bytes_ * 100 / *total_);
  line_.show(line + " " + moved_, last);
}

}  // namespace slipway
