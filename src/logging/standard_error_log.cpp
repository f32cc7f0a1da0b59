#include "logging/standard_error_log.hpp"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "logging/line.hpp"

namespace slipway {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warning: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

class StandardErrorLog final : public Log {
 public:
  explicit StandardErrorLog(LogLevel least)
      : logger_("slipway", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger_.set_formatter(std::make_unique<spdlog::pattern_formatter>(
        "%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc));
    logger_.set_level(spdlog_level(least));
    logger_.set_error_handler([](const std::string&) {});  // there is nowhere left to tell it
  }

  [[nodiscard]] bool enabled(LogLevel level) const noexcept override {
    return logger_.should_log(spdlog_level(level));
  }

  void write(LogLevel level, std::string_view event,
             std::span<const LogField> fields) noexcept override {
    const spdlog::level::level_enum to = spdlog_level(level);
    if (!logger_.should_log(to)) return;
    try {
      logger_.log(to, spdlog::string_view_t(format_log_line(event, fields)));
    } catch (...) {  // no memory: the event is lost, the program goes on
    }
  }

 private:
  spdlog::logger logger_;
};

}  // namespace

std::unique_ptr<Log> make_standard_error_log(LogLevel least) {
  return std::make_unique<StandardErrorLog>(least);
}

}  // namespace slipway
