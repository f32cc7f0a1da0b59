// What lies in tests/data/format-<n>: written by make_format_folder, read back by format_test.
#pragma once

#include <string>

#include "storage/key_space.hpp"

namespace slipway::test {

inline constexpr const char* format_row_key = "test/row";
inline constexpr const char* format_row_value = "a row of format 1\n";
inline constexpr const char* format_secret = "a sealed secret";  // from format 2 on
inline constexpr const char* format_small_blob = "a small blob of format 1\n";
inline constexpr const char* format_stage_name = "upload";
inline constexpr const char* format_staged_bytes = "the first half, ";

inline std::string format_secret_key() {
  return std::string(std::string_view(key_space::Key(key_space::secret_key).text("test")));
}

/// Just above the default inline_limit, so an object; it compresses well in the repository.
inline std::string format_large_blob() {
  std::string bytes;
  for (int i = 0; i < 4100; ++i) bytes.append("Slipway\n");
  return bytes;
}

}  // namespace slipway::test
