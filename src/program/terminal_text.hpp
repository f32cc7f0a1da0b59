// What others wrote, on its way to a terminal or a file: a build's log may hold anything.
//
// On a terminal colours stay (ECMA-48 section 8.3.117, SGR) and every other control sequence goes:
// a log moves no cursor, renames no window and answers no question. Elsewhere colours go too.
//
// Thread safety: none.
#pragma once

#include <string>
#include <string_view>

namespace slipway {

class TerminalText {
 public:
  explicit TerminalText(bool colours) : colours_(colours) {}

  /// What of the next bytes may be printed. A sequence may be cut between two calls.
  std::string pass(std::string_view bytes);

  /// What ends the text: colours that were left on are reset.
  std::string finish();

 private:
  enum class State { text, escape, sequence, string, string_escape };

  void take(char c, std::string& out);
  void end_sequence(char last, std::string& out);

  const bool colours_;
  State state_ = State::text;
  std::string parameters_;  // of the sequence
  bool coloured_ = false;   // something other than a reset was printed last
};

}  // namespace slipway
