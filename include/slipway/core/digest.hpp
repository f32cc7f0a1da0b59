// Digest: the name of content, `algorithm:hex`.
//
// OCI image specification, "Descriptors", section "Digests": sha256 and sha512 are the registered
// algorithms and the ones Slipway accepts. A Digest is a value of fixed size that owns no memory;
// hashing bytes is support/hasher.hpp's work.
//
// Thread safety: a plain value.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include <slipway/core/hex.hpp>
#include <slipway/core/result.hpp>

namespace slipway {

enum class DigestAlgorithm : std::uint8_t { sha256 = 1, sha512 = 2 };

constexpr std::string_view to_string(DigestAlgorithm algorithm) noexcept {
  return algorithm == DigestAlgorithm::sha256 ? "sha256" : "sha512";
}

/// How many bytes a digest of this algorithm has: 32 or 64.
constexpr std::size_t digest_size(DigestAlgorithm algorithm) noexcept {
  return algorithm == DigestAlgorithm::sha256 ? 32 : 64;
}

class Digest {
 public:
  static constexpr std::size_t max_size = 64;
  /// The longest binary form: one byte of algorithm and the hash.
  static constexpr std::size_t max_binary_size = 1 + max_size;

  /// The hash's bytes must be digest_size(algorithm) long; shorter ones are filled with zeros,
  /// longer ones cut.
  Digest(DigestAlgorithm algorithm, std::span<const std::uint8_t> hash) noexcept
      : algorithm_(algorithm) {
    std::copy_n(hash.begin(), std::min(hash.size(), digest_size(algorithm)), hash_.begin());
  }

  /// `sha256:` and 64, or `sha512:` and 128 lower-case hexadecimal digits.
  /// Errors: invalid_argument; unsupported for another algorithm.
  static Result<Digest> parse(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos)
      return Error(ErrorCode::invalid_argument,
                   quoted(text) + " is not a digest; expected <algorithm>:<hex>");
    const std::string_view name = text.substr(0, colon);
    DigestAlgorithm algorithm{};
    if (name == "sha256")
      algorithm = DigestAlgorithm::sha256;
    else if (name == "sha512")
      algorithm = DigestAlgorithm::sha512;
    else
      return Error(ErrorCode::unsupported, "digest " + quoted(text) +
                                               ": the algorithm is not supported; use sha256 or sha512");
    std::array<std::uint8_t, max_size> hash{};
    if (!parse_hex(text.substr(colon + 1), std::span(hash).first(digest_size(algorithm))))
      return Error(ErrorCode::invalid_argument,
                   "digest " + quoted(text) + ": expected " +
                       std::to_string(2 * digest_size(algorithm)) + " lower-case hex digits");
    return Digest(algorithm, hash);
  }

  /// The form for keys in a store: one byte of algorithm, then the hash. Errors: corrupt.
  static Result<Digest> from_binary(std::string_view bytes) {
    if (!bytes.empty()) {
      const auto algorithm = static_cast<DigestAlgorithm>(bytes.front());
      const bool known =
          algorithm == DigestAlgorithm::sha256 || algorithm == DigestAlgorithm::sha512;
      if (known && bytes.size() == 1 + digest_size(algorithm)) {
        std::array<std::uint8_t, max_size> hash{};
        std::memcpy(hash.data(), bytes.data() + 1, bytes.size() - 1);
        return Digest(algorithm, hash);
      }
    }
    return Error(ErrorCode::corrupt, "stored digest of " + std::to_string(bytes.size()) +
                                         " bytes is malformed");
  }

  [[nodiscard]] DigestAlgorithm algorithm() const noexcept { return algorithm_; }
  [[nodiscard]] std::span<const std::uint8_t> hash() const noexcept {
    return std::span(hash_).first(digest_size(algorithm_));
  }

  [[nodiscard]] std::string hex() const { return to_hex(hash()); }

  void append_to(std::string& out) const {
    out.append(slipway::to_string(algorithm_)).push_back(':');
    append_hex(out, hash());
  }
  [[nodiscard]] std::string to_string() const {
    std::string text;
    text.reserve(7 + 2 * digest_size(algorithm_));
    append_to(text);
    return text;
  }

  void append_binary_to(std::string& out) const {
    out.push_back(static_cast<char>(algorithm_));
    for (std::uint8_t byte : hash()) out.push_back(static_cast<char>(byte));
  }
  [[nodiscard]] std::string to_binary() const {
    std::string bytes;
    bytes.reserve(max_binary_size);
    append_binary_to(bytes);
    return bytes;
  }

  friend auto operator<=>(const Digest&, const Digest&) = default;
  friend bool operator==(const Digest&, const Digest&) = default;

 private:
  /// Names in messages are cut, so that hostile input cannot flood a log.
  static std::string quoted(std::string_view text) {
    constexpr std::size_t shown = 160;
    std::string out = "\"";
    out.append(text.substr(0, shown));
    out.append(text.size() > shown ? "...\"" : "\"");
    return out;
  }

  DigestAlgorithm algorithm_;
  std::array<std::uint8_t, max_size> hash_{};  // unused bytes are zero, so == and hash are exact
};

}  // namespace slipway

template <>
struct std::hash<slipway::Digest> {
  std::size_t operator()(const slipway::Digest& digest) const noexcept {
    std::size_t value = 0;  // the content is a cryptographic hash: any eight bytes of it will do
    std::memcpy(&value, digest.hash().data(), sizeof value);
    return value;
  }
};
