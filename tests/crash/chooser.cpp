#include "tests/crash/chooser.hpp"

namespace slipway::crash {

std::size_t Enumeration::pick(Part /*part*/, std::size_t versions) {
  if (position_ == picks_.size()) picks_.push_back({0, versions});
  return picks_[position_++].picked;
}

bool Enumeration::next() {
  picks_.resize(position_);  // what was picked before the last change may have made others needless
  position_ = 0;
  while (!picks_.empty() && picks_.back().picked + 1 == picks_.back().versions) picks_.pop_back();
  if (picks_.empty()) return false;
  ++picks_.back().picked;
  return true;
}

Sample::Sample(std::uint64_t seed, std::uint64_t number)
    : random_(seed * 0x9E3779B97F4A7C15U + number) {
  constexpr std::array<double, 5> chances = {0, 0.1, 0.5, 0.9, 1};
  for (std::size_t part = 0; part < part_count; ++part) {
    if (number < corners) {
      newest_[part] = static_cast<double>((number >> part) & 1U);
      oldest_[part] = 1 - newest_[part];
    } else {
      newest_[part] = chances[random_() % chances.size()];
      oldest_[part] = chances[random_() % chances.size()];
    }
  }
}

std::size_t Sample::pick(Part part, std::size_t versions) {
  const auto index = static_cast<std::size_t>(part);
  const auto happens = [&](double chance) {
    return std::uniform_real_distribution<double>(0, 1)(random_) < chance;
  };
  if (happens(newest_[index])) return versions - 1;
  if (happens(oldest_[index])) return 0;
  return random_() % versions;
}

}  // namespace slipway::crash
