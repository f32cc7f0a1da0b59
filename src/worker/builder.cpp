#include "worker/builder.hpp"

namespace slipway {

BuildFailure user_failure(std::string reason, std::string message) {
  return {FailureClass::user, std::move(reason), std::move(message), std::nullopt};
}

BuildFailure infrastructure_failure(std::string reason, std::string message) {
  return {FailureClass::infrastructure, std::move(reason), std::move(message), std::nullopt};
}

}  // namespace slipway
