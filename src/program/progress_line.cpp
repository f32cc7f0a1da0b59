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

void ProgressLine::say(std::string_view line) const {
  const std::string text =
      slipway::format("{}{}{}\n", terminal_ ? "\r" : "", line, terminal_ ? "\x1b[K" : "");
  std::fwrite(text.data(), 1, text.size(), stderr);
}

std::string megabytes(std::uint64_t bytes) {
  return slipway::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

std::string readable_size(std::uint64_t bytes) {
  if (bytes < 1'000) return slipway::format("{} B", bytes);
  if (bytes < 1'000'000) return slipway::format("{:.1f} kB", static_cast<double>(bytes) / 1e3);
  if (bytes < 1'000'000'000) return megabytes(bytes);
  return slipway::format("{:.1f} GB", static_cast<double>(bytes) / 1e9);
}

}  // namespace slipway
