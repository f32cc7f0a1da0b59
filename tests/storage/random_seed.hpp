// A seed that a failing run can be repeated with: it is printed, and SLIPWAY_TEST_SEED sets it.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

namespace slipway::test {

inline std::uint64_t random_seed() {
  const char* given = std::getenv("SLIPWAY_TEST_SEED");
  const std::uint64_t seed = given != nullptr ? std::stoull(given) : std::random_device()();
  std::cout << "SLIPWAY_TEST_SEED=" << seed << std::endl;
  return seed;
}

}  // namespace slipway::test
