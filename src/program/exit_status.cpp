#include "program/exit_status.hpp"

#include <unistd.h>

#include <cerrno>
#include <string>

#include "program/table.hpp"

namespace slipway {
namespace {

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

void print(std::string_view text) { write_all(STDOUT_FILENO, text); }

void print_error(std::string_view text) {
  write_all(STDERR_FILENO, "slipway: " + on_one_line(text) + "\n");
}

ExitStatus report_failure(const Error& error) {
  print_error(error.message);
  return ExitStatus::failed;
}

ExitStatus report_wrong_usage(std::string_view text) {
  print_error(text);
  return ExitStatus::wrong_usage;
}

}  // namespace slipway
