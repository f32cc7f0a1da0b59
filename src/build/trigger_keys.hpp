// The rows by which the builds of a trigger are found again: by delivery, and the latest of a ref.
//
// Thread safety: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <slipway/build/build.hpp>

#include "storage/key_space.hpp"

namespace slipway {

inline std::string_view ref_of(const BuildRequest& request) {
  const auto* git = std::get_if<GitSource>(&request.source);
  return git == nullptr ? std::string_view() : std::string_view(git->ref);
}

/// The row by which a repeated delivery is known; nullopt when the request has none.
inline std::optional<std::string> delivery_key(const BuildRequest& request) {
  if (!request.trigger || request.trigger->delivery.empty()) return std::nullopt;
  return key_space::Key(key_space::delivery)
      .text(request.trigger->id)
      .text(request.trigger->delivery)
      .text(ref_of(request))
      .str();
}

inline std::optional<std::string> latest_key(const BuildRequest& request) {
  if (!request.trigger) return std::nullopt;
  return key_space::Key(key_space::latest_of_trigger)
      .text(request.trigger->id)
      .text(ref_of(request))
      .str();
}

}  // namespace slipway
