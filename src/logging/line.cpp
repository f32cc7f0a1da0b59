#include "logging/line.hpp"

#include <algorithm>

#include "support/format.hpp"

namespace slipway {
namespace {

bool printable(char c) { return c >= ' ' && c <= '~'; }

bool plain(std::string_view value) {
  return !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    return printable(c) && c != ' ' && c != '"' && c != '=' && c != '\\';
  });
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '"':
      case '\\':
        out += '\\';
        out += c;
        break;
      default:
        if (printable(c))
          out += c;
        else
          out += slipway::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
}

}  // namespace

std::string format_log_line(std::string_view event, std::span<const LogField> fields) {
  std::string line;
  append_escaped(line, event);
  for (const LogField& field : fields) {
    line.append(" ").append(field.name).append("=");
    if (plain(field.value)) {
      line += field.value;
    } else {
      line += '"';
      append_escaped(line, field.value);
      line += '"';
    }
  }
  return line;
}

}  // namespace slipway
