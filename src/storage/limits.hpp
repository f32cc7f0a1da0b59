// The limits that every MetadataStore and ObjectStore checks in the same way.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>

#include "support/format.hpp"

namespace slipway {

/// Errors: invalid_argument.
inline Result<void> check_key(std::string_view key) {
  if (!key.empty() && key.size() <= max_key_size) return {};
  return Error(ErrorCode::invalid_argument,
               slipway::format("metadata key of {} bytes: a key has 1 to {} bytes", key.size(),
                               max_key_size));
}

/// Errors: too_large.
inline Result<void> check_value(std::string_view value) {
  if (value.size() <= max_value_size) return {};
  return Error(ErrorCode::too_large,
               slipway::format("metadata value of {} bytes: a value has at most {} bytes",
                               value.size(), max_value_size));
}

/// A key or a stage's name in an ObjectStore. Errors: invalid_argument.
inline Result<void> check_object_name(std::string_view name) {
  constexpr std::size_t longest = 200;
  const auto legal = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  if (!name.empty() && name.size() <= longest && name.front() != '.' &&
      std::all_of(name.begin(), name.end(), legal))
    return {};
  return Error(ErrorCode::invalid_argument,
               slipway::format("object or stage name \"{}\" is not valid; use 1 to {} characters "
                               "of A-Z a-z 0-9 . _ -, not beginning with a dot",
                               name.substr(0, longest), longest));
}

}  // namespace slipway
