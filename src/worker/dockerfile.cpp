#include "worker/dockerfile.hpp"

#include <algorithm>
#include <cctype>

namespace slipway {
namespace {

constexpr std::string_view blanks = " \t\r";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
  }

  std::optional<std::string_view> next() {
    if (rest_.empty()) return std::nullopt;
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    ++number_;
    return line;
  }
  [[nodiscard]] std::size_t number() const noexcept { return number_; }

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
};

/// `# escape=\``: a parser directive, of which only this one matters here.
char escape_directive(std::string_view text) {
  Lines lines(text);
  while (const auto line = lines.next()) {
    const std::string_view content = trimmed(*line);
    if (!content.starts_with('#')) break;
    const std::string_view directive = trimmed(content.substr(1));
    const std::size_t equals = directive.find('=');
    if (equals == std::string_view::npos) break;
    const std::string_view value = trimmed(directive.substr(equals + 1));
    if (upper(trimmed(directive.substr(0, equals))) == "ESCAPE" && value.size() == 1)
      return value.front();
  }
  return '\\';
}

/// The names of the here-documents that begin in this text.
std::vector<std::string> here_documents(std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t at = 0; (at = text.find("<<", at)) != std::string_view::npos;) {
    at += 2;
    if (at < text.size() && text[at] == '<') {  // <<< is the shell's here-string
      at += 1;
      continue;
    }
    if (at < text.size() && text[at] == '-') ++at;
    std::size_t end = at;
    while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 ||
                                 text[end] == '_' || text[end] == '"' || text[end] == '\''))
      ++end;
    std::string name(text.substr(at, end - at));
    std::erase_if(name, [](char c) { return c == '"' || c == '\''; });
    if (!name.empty() && std::isdigit(static_cast<unsigned char>(name.front())) == 0)
      names.push_back(std::move(name));
    at = end;
  }
  return names;
}

}  // namespace

std::vector<DockerfileInstruction> read_dockerfile(std::string_view text) {
  const char escape = escape_directive(text);
  std::vector<DockerfileInstruction> instructions;
  Lines lines(text);
  std::size_t stage = 0, step = 0;
  while (const auto line = lines.next()) {
    std::string_view content = trimmed(*line);
    if (content.empty() || content.starts_with('#')) continue;

    DockerfileInstruction instruction;
    instruction.line = lines.number();
    instruction.keyword = upper(content.substr(0, content.find_first_of(" \t")));
    std::string whole(content);
    while (!content.empty() && content.back() == escape) {
      const auto more = lines.next();
      if (!more) break;
      const std::string_view next = trimmed(*more);
      if (next.empty() || next.starts_with('#')) continue;
      whole.append(1, '\n').append(next);
      content = next;
    }
    if (instruction.keyword == "RUN" || instruction.keyword == "COPY" ||
        instruction.keyword == "ADD")
      for (const std::string& name : here_documents(whole))
        for (auto body = lines.next(); body && trimmed(*body) != name;) body = lines.next();

    if (instruction.keyword == "FROM") {
      ++stage;
      step = 0;
    }
    instruction.stage = stage;
    instruction.step = stage == 0 ? 0 : ++step;
    instructions.push_back(std::move(instruction));
  }
  return instructions;
}

std::string_view docker_only_instruction(const std::vector<DockerfileInstruction>& instructions) {
  for (const DockerfileInstruction& instruction : instructions)
    for (std::string_view keyword : {"HEALTHCHECK", "ONBUILD", "SHELL"})
      if (instruction.keyword == keyword) return keyword;
  return {};
}

}  // namespace slipway
