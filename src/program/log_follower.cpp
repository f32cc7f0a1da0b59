#include "program/log_follower.hpp"

#include <span>
#include <string>

#include "program/patience.hpp"

namespace slipway {
namespace {

std::string log_path(std::string_view id, std::uint64_t offset, bool follow) {
  return slipway::format("/api/v1/builds/{}/log?offset={}{}", path_part(id), offset,
                         follow ? "&follow=true" : "");
}

BodySink counting(const LogSink& sink, std::uint64_t& offset) {
  return [&](std::span<const std::byte> bytes) -> Result<void> {
    sink({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    offset += bytes.size();
    return {};
  };
}

}  // namespace

Result<Build> follow_build(const ApiClient& client, std::string_view id, const LogSink& sink) {
  std::uint64_t offset = 0;
  Patience patience;
  while (true) {
    const std::uint64_t before = offset;
    const auto streamed = client.get(log_path(id, offset, true), counting(sink, offset));
    if (!streamed && !worth_another_try(streamed.error())) return streamed.error();
    auto build = client.build(id);
    if (!build && !worth_another_try(build.error())) return build;
    // A stream that ended by itself held all of the log when the build had ended.
    if (streamed && build && is_final(build->state)) return build;
    if (build || offset > before)
      patience.answered();
    else if (patience.is_over())
      return build.error();
    patience.pause();
  }
}

Result<void> read_log(const ApiClient& client, std::string_view id, const LogSink& sink) {
  std::uint64_t offset = 0;
  SLIPWAY_CHECK(client.get(log_path(id, 0, false), counting(sink, offset)));
  return {};
}

}  // namespace slipway
