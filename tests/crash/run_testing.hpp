// What tests of recorded runs say often.
#pragma once

#include <string>
#include <vector>

#include "tests/crash/violation.hpp"

namespace slipway::crash {

inline std::string shown(const Violations& violations) {
  std::string text;
  for (const Violation& violation : violations)
    text += violation.invariant + ": " + violation.what + "\n";
  return text;
}
inline std::string shown(const std::vector<std::string>& problems) {
  std::string text;
  for (const std::string& problem : problems) text += problem + "\n";
  return text;
}

}  // namespace slipway::crash
