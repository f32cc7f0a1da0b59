// For messages that quote what somebody wrote: one line, whatever it was.
#pragma once

#include <string>
#include <string_view>

namespace slipway {

/// The text with another one in place of each control character (0 to 31, and 127).
inline std::string one_line(std::string_view text, char instead = '?') {
  std::string line(text);
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = instead;
  return line;
}

}  // namespace slipway
