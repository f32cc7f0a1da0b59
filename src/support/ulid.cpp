#include <slipway/support/ulid.hpp>

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <mutex>

namespace slipway {
namespace {

constexpr std::string_view digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";  // Crockford's base 32
constexpr std::size_t time_digits = 10;

int digit_value(char digit) noexcept {
  const std::size_t at = digits.find(digit);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

/// 80 random bits, as 16 digits of 5.
using Entropy = std::array<std::uint8_t, ulid_size - time_digits>;

Entropy random_entropy() {
  Entropy entropy;
  std::size_t filled = 0;
  while (filled < entropy.size()) {
    const ssize_t got = ::getrandom(entropy.data() + filled, entropy.size() - filled, 0);
    if (got > 0) filled += static_cast<std::size_t>(got);
  }
  for (std::uint8_t& digit : entropy) digit &= 31U;
  return entropy;
}

/// One more; false when all digits were the highest.
bool increment(Entropy& entropy) noexcept {
  for (auto digit = entropy.rbegin(); digit != entropy.rend(); ++digit) {
    if (*digit < 31) {
      ++*digit;
      return true;
    }
    *digit = 0;
  }
  return false;
}

struct Sequence {
  std::mutex mutex;
  std::int64_t last_time = -1;  // guarded by mutex
  Entropy entropy{};            // guarded by mutex
};

}  // namespace

std::string make_ulid(Timestamp now) {
  static Sequence sequence;
  const std::lock_guard guard(sequence.mutex);
  const std::int64_t time = std::max<std::int64_t>(now.time_since_epoch().count(), 0);
  if (time > sequence.last_time) {
    sequence.last_time = time;
    sequence.entropy = random_entropy();
  } else if (!increment(sequence.entropy)) {  // the clock stands or went back: count on
    ++sequence.last_time;
  }

  std::string text(ulid_size, '0');
  auto rest = static_cast<std::uint64_t>(sequence.last_time);
  for (std::size_t i = time_digits; i-- > 0; rest >>= 5U) text[i] = digits[rest & 31U];
  for (std::size_t i = 0; i < sequence.entropy.size(); ++i)
    text[time_digits + i] = digits[sequence.entropy[i]];
  return text;
}

bool is_ulid(std::string_view text) noexcept {
  return text.size() == ulid_size && text.front() <= '7' &&
         std::all_of(text.begin(), text.end(), [](char c) { return digit_value(c) >= 0; });
}

std::optional<Timestamp> ulid_time(std::string_view text) noexcept {
  if (!is_ulid(text)) return std::nullopt;
  std::int64_t time = 0;
  for (const char digit : text.substr(0, time_digits)) time = time * 32 + digit_value(digit);
  return Timestamp(std::chrono::milliseconds(time));
}

}  // namespace slipway
