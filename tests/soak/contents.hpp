// The layers of the soak's images: a pool that all writers share, so that the same digests are
// pushed, mounted, named and collected at once.
//
// Thread safety: immutable once made.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <slipway/support/hasher.hpp>

namespace slipway::soak {

struct Content {
  std::string bytes;
  Digest digest;
};

/// As many random bytes.
inline std::string random_bytes(std::mt19937_64& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

class Contents {
 public:
  Contents(std::uint64_t seed, std::size_t count) {
    std::mt19937_64 random(seed);
    for (std::size_t i = 0; i < count; ++i) {
      // Two of three lie among the metadata, the third is a file.
      const std::size_t size = i % 3 == 0 ? 33'000 + random() % 30'000 : 1 + random() % 3'000;
      std::string bytes = random_bytes(random, size);
      const Digest digest = digest_of(bytes);
      contents_.push_back({std::move(bytes), digest});
    }
  }

  /// Some often, most seldom: what is seldom used is collected in between.
  const Content& pick(std::mt19937_64& random) const {
    const double u = std::uniform_real_distribution<double>(0, 1)(random);
    return contents_[static_cast<std::size_t>(u * u * u * static_cast<double>(contents_.size()))];
  }

 private:
  std::vector<Content> contents_;
};

}  // namespace slipway::soak
