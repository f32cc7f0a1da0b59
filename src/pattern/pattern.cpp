#include "pattern/pattern.hpp"

#include <string>
#include <utility>

#include <re2/re2.h>

namespace slipway {
namespace {

constexpr std::int64_t max_compiled_bytes = std::int64_t{1} << 20U;

Result<void> check_size(std::string_view text) {
  if (text.size() > max_pattern_size)
    return Error(ErrorCode::too_large, "the pattern has " + std::to_string(text.size()) +
                                           " characters; at most " +
                                           std::to_string(max_pattern_size) + " are allowed");
  return {};
}

Result<std::shared_ptr<const RE2>> build(std::string_view expression, std::string_view shown) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(max_compiled_bytes);
  options.set_never_capture(true);
  auto engine =
      std::make_shared<const RE2>(re2::StringPiece(expression.data(), expression.size()), options);
  if (engine->ok()) return Result<std::shared_ptr<const RE2>>(std::move(engine));
  const ErrorCode code = engine->error_code() == RE2::ErrorPatternTooLarge
                             ? ErrorCode::too_large
                             : ErrorCode::invalid_argument;
  std::string message = "pattern \"" + std::string(shown) + "\": " + engine->error();
  if (!engine->error_arg().empty() && code == ErrorCode::invalid_argument &&
      engine->error().find(engine->error_arg()) == std::string::npos)
    message.append(" at \"").append(engine->error_arg()).append("\"");
  return Error(code, std::move(message));
}

std::string expression_of_glob(std::string_view glob) {
  std::string expression = "(?s)";
  while (!glob.empty()) {
    if (glob.starts_with("**/")) {
      expression.append("(?:.*/)?");
      glob.remove_prefix(3);
    } else if (glob.starts_with("**")) {
      expression.append(".*");
      glob.remove_prefix(2);
    } else if (glob.front() == '*' || glob.front() == '?') {
      expression.append(glob.front() == '*' ? "[^/]*" : "[^/]");
      glob.remove_prefix(1);
    } else {
      const std::string_view literal = glob.substr(0, glob.find_first_of("*?"));
      expression.append(RE2::QuoteMeta(re2::StringPiece(literal.data(), literal.size())));
      glob.remove_prefix(literal.size());
    }
  }
  return expression;
}

}  // namespace

Result<Pattern> Pattern::compile(std::string_view expression) {
  SLIPWAY_CHECK(check_size(expression));
  SLIPWAY_TRY(auto engine, build(expression, expression));
  return Pattern(std::move(engine));
}

Result<Pattern> Pattern::compile_glob(std::string_view glob) {
  SLIPWAY_CHECK(check_size(glob));
  SLIPWAY_TRY(auto engine, build(expression_of_glob(glob), glob));
  return Pattern(std::move(engine));
}

bool Pattern::matches(std::string_view text) const noexcept {
  return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *engine_);
}

}  // namespace slipway
