// The invariants of docs/storage.md, "What a power cut leaves", and how a state breaks one.
//
// Thread safety: plain values.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::crash {

namespace invariant {

inline constexpr std::string_view opens = "the store opens";
inline constexpr std::string_view acknowledged = "what was acknowledged is there";
inline constexpr std::string_view links = "no link leads to nothing";
inline constexpr std::string_view digests = "every digest matches its bytes";
inline constexpr std::string_view uploads = "uploads resume or are gone";
inline constexpr std::string_view goes_on = "the store goes on";

inline constexpr std::array all = {opens, acknowledged, links, digests, uploads, goes_on};

}  // namespace invariant

struct Violation {
  std::string invariant;
  std::string what;
};
using Violations = std::vector<Violation>;

}  // namespace slipway::crash
