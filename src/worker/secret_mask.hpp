// SecretMask: a stream of bytes in which secrets are replaced by "***".
//
// A secret is found however the stream is cut, as a whole, line by line (whoever prints a key of
// several lines prints each), and as base64 of it. What may be the beginning of a secret is held
// back until more bytes tell, or until flush. Of what is shorter than 4 bytes nothing is replaced:
// it could not be told from ordinary text.
//
// Time grows with the bytes, not with the number of secrets; memory with the secrets' bytes.
//
// Thread safety: none.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace slipway {

class SecretMask {
 public:
  static constexpr std::size_t shortest = 4;

  /// Before the first append.
  void add(std::string_view secret);

  /// Gives what is safe to `out`, in pieces.
  void append(std::string_view bytes, const std::function<void(std::string_view)>& out);
  /// Gives what was held back: nothing comes that could make a secret of it.
  void flush(const std::function<void(std::string_view)>& out);

  /// A whole text at once; nothing is held back.
  [[nodiscard]] std::string masked(std::string_view text) const;

  [[nodiscard]] bool empty() const noexcept { return patterns_.empty(); }

 private:
  void add_pattern(std::string_view pattern);
  /// Replaces up to where a secret may begin that has not ended; answers where that is.
  std::size_t replace(std::string_view text, bool at_end, std::string& out) const;
  /// The length of the longest secret that stands at the beginning; 0: none does.
  [[nodiscard]] std::size_t match(std::string_view text) const;
  /// Could a secret, or a longer one, begin here and end behind the text?
  [[nodiscard]] bool may_begin(std::string_view text) const;

  using Heads = std::unordered_map<std::uint32_t, std::vector<std::string>>;
  Heads patterns_;                 // by their first four bytes, longest first
  std::bitset<65536> first_two_;   // of any pattern
  std::bitset<256> first_;         // of any pattern
  std::size_t longest_ = 0;
  std::string held_;
};

}  // namespace slipway
