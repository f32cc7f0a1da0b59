// Numbers in files, with their lowest byte first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::lmdb {

inline void append_number(std::string& out, std::uint64_t number, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out.push_back(static_cast<char>(number >> (8 * i)));
}

/// REQUIRES: text.size() is at most 8.
inline std::uint64_t read_number(std::string_view text) {
  std::uint64_t number = 0;
  for (std::size_t i = text.size(); i > 0; --i)
    number = number << 8U | static_cast<unsigned char>(text[i - 1]);
  return number;
}

/// Takes bytes off the front of a text; asking for more than there are answers nothing and is
/// remembered.
class NumberReader {
 public:
  explicit NumberReader(std::string_view text) : rest_(text) {}

  std::string_view take(std::size_t bytes) {
    if (bytes > rest_.size()) {
      cut_short_ = true;
      rest_ = {};
      return {};
    }
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }
  std::uint64_t number(std::size_t bytes) { return read_number(take(bytes)); }

  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }
  [[nodiscard]] bool cut_short() const noexcept { return cut_short_; }

 private:
  std::string_view rest_;
  bool cut_short_ = false;
};

}  // namespace slipway::lmdb
