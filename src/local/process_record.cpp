#include "local/process_record.hpp"

#include <charconv>
#include <fstream>
#include <iterator>

namespace slipway {
namespace {

/// What stands behind `"name":`; empty when the name is not there.
std::string_view value_of(std::string_view text, std::string_view name) {
  const std::string key = "\"" + std::string(name) + "\":";
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + key.size());
  const std::size_t first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return {};
  text.remove_prefix(first);
  return text.substr(0, text.find_first_of(",}\n"));
}

template <class Number>
bool parse_whole(std::string_view text, Number& out) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && stop == text.data() + text.size();
}

std::string read_text(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

}  // namespace

std::optional<ProcessRecord> parse_process_record(std::string_view text) {
  ProcessRecord record;
  if (!parse_whole(value_of(text, "pid"), record.process.pid) || record.process.pid <= 0)
    return std::nullopt;
  if (!parse_whole(value_of(text, "start_time"), record.process.start_time)) return std::nullopt;
  const std::string_view boot = value_of(text, "boot_id");
  if (boot.size() < 2 || boot.front() != '"' || boot.back() != '"') return std::nullopt;
  record.boot_id = boot.substr(1, boot.size() - 2);
  return record;
}

std::optional<ProcessRecord> read_process_record(const std::filesystem::path& file) {
  return parse_process_record(read_text(file));
}

std::string current_boot_id() {
  std::string text = read_text("/proc/sys/kernel/random/boot_id");
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

bool is_running(const ProcessRecord& record) {
  return record.boot_id == current_boot_id() && is_running(record.process);
}

}  // namespace slipway
