#include "program/upload_progress.hpp"

#include <string>

#include "support/format.hpp"

namespace slipway {

void UploadProgress::sent(std::uint64_t bytes) {
  sent_ += bytes;
  if (line_.is_due()) show(false);
}

void UploadProgress::end() { show(true); }

void UploadProgress::show(bool last) const {
  std::string line = "context: " + readable_bytes(sent_);
  if (total_ && *total_ > 0)
    line += slipway::format(" of {} ({} %)", readable_bytes(*total_), sent_ * 100 / *total_);
  line_.show(line + " sent", last);
}

}  // namespace slipway
