#include "program/progress_line.hpp"

#include <unistd.h>

#include <cstdio>

#include "support/format.hpp"

namespace slipway {

ProgressLine::ProgressLine()
    : terminal_(::isatty(STDERR_FILENO) == 1),
      interval_(terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(5'000)),
      next_(std::chrono::steady_clock::now() + interval_) {}

bool ProgressLine::is_due() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return false;
  next_ = now + interval_;
  return true;
}

void ProgressLine::show(std::string_view line, bool last) const {
  // On a terminal each line overwrites the one before, and is cleared behind its end.
  const std::string text = terminal_ ? slipway::format("\r{}\x1b[K{}", line, last ? "\n" : "")
                                     : slipway::format("{}\n", line);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

std::string readable_bytes(std::uint64_t bytes) {
  return slipway::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

}  // namespace slipway
