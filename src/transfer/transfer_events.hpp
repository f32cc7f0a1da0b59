// What a transfer tells while it runs.
//
// Thread safety: called on the thread that transfers.
#pragma once

#include <cstdint>
#include <string_view>

namespace slipway {

class TransferEvents {
 public:
  virtual ~TransferEvents() = default;

  /// So many bytes will go, once that is known: not for what can be read only once.
  virtual void planned(std::uint64_t bytes) { static_cast<void>(bytes); }
  virtual void moved(std::uint64_t bytes) { static_cast<void>(bytes); }

  enum class Blob { sent, present, mounted, received };
  /// A blob is where it belongs. `name` is its digest.
  virtual void done(std::string_view name, std::uint64_t size, Blob how) {
    static_cast<void>(name), static_cast<void>(size), static_cast<void>(how);
  }
};

}  // namespace slipway
