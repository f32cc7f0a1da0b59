#include "program/terminal_text.hpp"

#include <utility>

namespace slipway {
namespace {

constexpr char escape = '\x1b';
constexpr char bell = '\a';
constexpr std::size_t longest_parameters = 64;

bool is_printable(char c) {
  return static_cast<unsigned char>(c) >= ' ' ? c != '\x7f' : c == '\n' || c == '\t' || c == '\r';
}

bool is_colour(std::string_view parameters) {
  return parameters.size() <= longest_parameters &&
         parameters.find_first_not_of("0123456789;:") == std::string_view::npos;
}

}  // namespace

std::string TerminalText::pass(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (const char c : bytes) take(c, out);
  return out;
}

std::string TerminalText::finish() {
  state_ = State::text;
  return std::exchange(coloured_, false) ? "\x1b[0m" : "";
}

void TerminalText::take(char c, std::string& out) {
  switch (state_) {
    case State::text:
      if (c == escape)
        state_ = State::escape;
      else if (is_printable(c))
        out.push_back(c);
      return;
    case State::escape:
      parameters_.clear();
      // ECMA-48 section 5.3: CSI, then the strings DCS, OSC, SOS, PM and APC.
      if (c == '[')
        state_ = State::sequence;
      else if (std::string_view("P]X^_").find(c) != std::string_view::npos)
        state_ = State::string;
      else if (c != escape && !(c >= ' ' && c <= '/'))
        state_ = State::text;
      return;
    case State::sequence:
      // Section 5.4: parameters and intermediates up to 0x3F, then the final byte.
      if (c == escape)
        state_ = State::escape;
      else if (c >= '@' && c <= '~')
        end_sequence(c, out);
      else if (c < ' ')
        state_ = State::text;
      else if (parameters_.size() <= longest_parameters)
        parameters_.push_back(c);
      return;
    case State::string:
      if (c == bell || c == '\n')
        state_ = State::text;
      else if (c == escape)
        state_ = State::string_escape;
      return;
    case State::string_escape:
      state_ = c == '\\' ? State::text : State::string;
      return;
  }
}

void TerminalText::end_sequence(char last, std::string& out) {
  state_ = State::text;
  if (!colours_ || last != 'm' || !is_colour(parameters_)) return;
  out.append("\x1b[").append(parameters_).push_back('m');
  coloured_ = parameters_.find_first_not_of("0;") != std::string::npos;
}

}  // namespace slipway
