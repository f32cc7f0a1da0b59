#include "program/upload_progress.hpp"

#include <unistd.h>

#include <cstdio>
#include <string>

#include "support/format.hpp"

namespace slipway {
namespace {

std::string megabytes(std::uint64_t bytes) {
  return slipway::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

}  // namespace

UploadProgress::UploadProgress(std::optional<std::uint64_t> total)
    : total_(total),
      terminal_(::isatty(STDERR_FILENO) == 1),
      interval_(terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(5'000)),
      next_(std::chrono::steady_clock::now() + interval_) {}

void UploadProgress::sent(std::uint64_t bytes) {
  sent_ += bytes;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + interval_;
  show(false);
}

void UploadProgress::end() { show(true); }

void UploadProgress::show(bool last) {
  std::string line = "context: " + megabytes(sent_);
  if (total_ && *total_ > 0)
    line += slipway::format(" of {} ({} %)", megabytes(*total_), sent_ * 100 / *total_);
  line += " sent";
  // On a terminal each line overwrites the one before, and is cleared behind its end.
  line = terminal_ ? slipway::format("\r{}\x1b[K{}", line, last ? "\n" : "") : line + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace slipway
