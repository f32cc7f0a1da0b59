#include "program/secret_option.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "support/format.hpp"

namespace slipway {
namespace {

struct SecretOption {
  std::string id;
  std::string file;
  std::string variable;
};

Error mistake(std::string_view option) {
  return Error(ErrorCode::invalid_argument,
               slipway::format("--secret: expected id=ID,src=FILE or id=ID,env=NAME, got \"{}\"",
                               option.substr(0, 200)));
}

Result<SecretOption> parse(std::string_view option) {
  SecretOption parsed;
  for (std::string_view rest = option; !rest.empty();) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) return mistake(option);
    const std::string_view name = part.substr(0, equals);
    const std::string value(part.substr(equals + 1));
    if (name == "id")
      parsed.id = value;
    else if (name == "src" || name == "source")
      parsed.file = value;
    else if (name == "env")
      parsed.variable = value;
    else if (name != "type" || (value != "file" && value != "env"))
      return mistake(option);
  }
  if (parsed.id.empty() || parsed.file.empty() == parsed.variable.empty()) return mistake(option);
  return parsed;
}

Result<std::string> value_of(const SecretOption& option) {
  if (!option.variable.empty()) {
    if (const char* value = std::getenv(option.variable.c_str())) return std::string(value);
    return Error(ErrorCode::not_found,
                 slipway::format("--secret id={}: there is no variable {} in the environment",
                                 option.id, option.variable));
  }
  std::error_code error;
  std::ifstream stream(option.file, std::ios::binary);
  if (!stream || std::filesystem::is_directory(option.file, error))
    return Error(ErrorCode::not_found, slipway::format("--secret id={}: {}: cannot be read",
                                                       option.id, option.file));
  return std::string{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

}  // namespace

Result<BuildSecrets> read_secret_options(const std::vector<std::string>& options) {
  BuildSecrets secrets;
  for (const std::string& option : options) {
    SLIPWAY_TRY(const SecretOption parsed, parse(option));
    SLIPWAY_TRY(std::string value, value_of(parsed));
    if (!secrets.files.emplace(parsed.id, std::move(value)).second)
      return Error(ErrorCode::invalid_argument,
                   slipway::format("--secret: there are two of id {}", parsed.id));
  }
  return secrets;
}

}  // namespace slipway
