#include <slipway/http/transport.hpp>

namespace slipway {

std::string_view IncomingResponse::field(std::string_view name) const noexcept {
  for (const auto& [known, value] : fields)
    if (equal_ignoring_case(known, name)) return value;
  return {};
}

}  // namespace slipway
