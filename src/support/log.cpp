#include <slipway/support/log.hpp>

namespace slipway {
namespace {

class NoLog final : public Log {
 public:
  [[nodiscard]] bool enabled(LogLevel) const noexcept override { return false; }
  void write(LogLevel, std::string_view, std::span<const LogField>) noexcept override {}
};

}  // namespace

Log& Log::none() {
  static NoLog log;
  return log;
}

}  // namespace slipway
