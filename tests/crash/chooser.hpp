// Chooser: what of the unflushed survives one power cut, one decision at a time.
//
// Each decision picks a version among some, the oldest (what is flushed) being 0 and the newest the
// last. An Enumeration goes through all states; a Sample is one of them by a seed.
//
// Thread safety: one thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace slipway::crash {

/// What a version is one of.
enum class Part : std::uint8_t { name, size, sector };
inline constexpr std::size_t part_count = 3;

class Chooser {
 public:
  virtual ~Chooser() = default;
  /// Below `versions`, which is 2 or more.
  virtual std::size_t pick(Part part, std::size_t versions) = 0;
};

/// All there are, in order: the first has only what is flushed.
///
///   Enumeration all;
///   do { use(disk.power_cut(all)); } while (all.next());
class Enumeration final : public Chooser {
 public:
  std::size_t pick(Part part, std::size_t versions) override;
  /// False: that was the last.
  bool next();

 private:
  struct Pick {
    std::size_t picked;
    std::size_t versions;
  };
  std::vector<Pick> picks_;
  std::size_t position_ = 0;
};

/// Each kind of part has a chance of its own that it is the newest, or else is any. Chances of 0 and
/// 1 make the states that matter most: all names and no bytes, all sizes and no sectors, and so on.
class Sample final : public Chooser {
 public:
  /// The first eight numbers are all combinations of "only what is flushed" and "all of it" for the
  /// three kinds; of those from 8 on, each is random.
  Sample(std::uint64_t seed, std::uint64_t number);
  std::size_t pick(Part part, std::size_t versions) override;

  static constexpr std::uint64_t corners = 8;

 private:
  std::mt19937_64 random_;
  std::array<double, part_count> newest_{};
  std::array<double, part_count> oldest_{};
};

}  // namespace slipway::crash
