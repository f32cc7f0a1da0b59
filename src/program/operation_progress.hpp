// How far an operation has come, as one line for people.
//
// Thread safety: none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class OperationProgress {
 public:
  /// Names that end in "bytes" are shown as such.
  void set(std::string_view name, std::uint64_t done, std::optional<std::uint64_t> total);

  /// "scrub: blobs 12 of 40, bytes 3.5 MB"
  [[nodiscard]] std::string text(std::string_view kind) const;

 private:
  struct Count {
    std::string name;
    std::uint64_t done;
    std::optional<std::uint64_t> total;
  };
  std::vector<Count> counts_;
};

}  // namespace slipway
