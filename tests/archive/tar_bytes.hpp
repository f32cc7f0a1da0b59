// Tars by hand, field by field after POSIX 1003.1-1988 (ustar), so that a test can say what no
// archiver would write.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace slipway::test {

struct TarEntry {
  std::string name;
  char type = '0';  // 0 file, 1 hard link, 2 symlink, 3 character device, 5 folder, 6 FIFO, x pax
  std::string content = {};
  std::string link = {};
  unsigned mode = 0644;
  std::uint64_t mtime = 1'700'000'000;
};

inline std::string tar_block(const TarEntry& entry) {
  std::string header(512, '\0');
  const auto put = [&header](std::size_t at, std::string_view text) {
    header.replace(at, text.size(), text);
  };
  const auto octal = [](std::uint64_t value, int digits) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%0*llo", digits,
                  static_cast<unsigned long long>(value));
    return std::string(text.data());
  };
  put(0, entry.name.substr(0, 100));
  put(100, octal(entry.mode, 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, octal(entry.content.size(), 11));
  put(136, octal(entry.mtime, 11));
  put(148, "        ");
  header[156] = entry.type;
  put(157, entry.link.substr(0, 100));
  put(257, std::string_view("ustar\0"
                            "00",
                            8));
  unsigned sum = 0;
  for (char c : header) sum += static_cast<unsigned char>(c);
  put(148, octal(sum, 6));
  header[154] = '\0';
  header[155] = ' ';
  std::string out = header + entry.content;
  out.resize((out.size() + 511) / 512 * 512, '\0');
  return out;
}

/// A pax record: "<length> <key>=<value>\n", the length counting itself.
inline std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length)
    length = std::to_string(length).size() + rest;
  return std::to_string(length) + " " + std::string(key) + "=" + std::string(value) + "\n";
}

template <class... Entries>
std::string tar(const Entries&... entries) {
  std::string out = (std::string() + ... + tar_block(entries));
  return out + std::string(1024, '\0');
}

}  // namespace slipway::test
