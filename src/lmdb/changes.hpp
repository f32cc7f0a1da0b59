// Changes: what a transaction put and erased, in its order, as bytes that a journal keeps.
//
// Each is a letter, the sizes, the key and the value, numbers with their lowest byte first:
//
//   'p' <key size: 2> <value size: 4> <key> <value>        'e' <key size: 2> <key>
//
// Thread safety: plain values and pure functions.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <slipway/core/result.hpp>

namespace slipway::lmdb {

void append_put(std::string& changes, std::string_view key, std::string_view value);
void append_erase(std::string& changes, std::string_view key);

struct Change {
  std::string_view key;
  std::optional<std::string_view> value;  // nullopt: erased
};

/// Walks through them. Errors: corrupt (they are not whole), those of `see`.
Result<void> for_each_change(std::string_view changes,
                             const std::function<Result<void>(const Change&)>& see);

}  // namespace slipway::lmdb
