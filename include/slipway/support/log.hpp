// Log: where the engine tells operators what happened, one event a line.
//
// An event is a short fixed text ("build leased") and fields; the words are stable, so that people
// can search for them. Secrets never go into a field.
//
// Thread safety: write may be called from any thread, also from callbacks; it does not throw.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace slipway {

enum class LogLevel { debug, info, warning, error };

struct LogField {
  std::string_view name;
  std::string value;
};

class Log {
 public:
  virtual ~Log() = default;

  /// False: what is written at this level goes nowhere, and need not be put together.
  /// A log that takes everything need not say so.
  [[nodiscard]] virtual bool enabled(LogLevel /*level*/) const noexcept { return true; }

  virtual void write(LogLevel level, std::string_view event,
                     std::span<const LogField> fields) noexcept = 0;

  void debug(std::string_view event, std::initializer_list<LogField> fields = {}) noexcept {
    write(LogLevel::debug, event, {fields.begin(), fields.size()});
  }
  void info(std::string_view event, std::initializer_list<LogField> fields = {}) noexcept {
    write(LogLevel::info, event, {fields.begin(), fields.size()});
  }
  void warning(std::string_view event, std::initializer_list<LogField> fields = {}) noexcept {
    write(LogLevel::warning, event, {fields.begin(), fields.size()});
  }
  void error(std::string_view event, std::initializer_list<LogField> fields = {}) noexcept {
    write(LogLevel::error, event, {fields.begin(), fields.size()});
  }

  /// Drops everything. It lives as long as the program.
  static Log& none();
};

}  // namespace slipway
