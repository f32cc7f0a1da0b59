// The key that secrets at rest are sealed with, and its file.
//
// <data>/secret.key is made with the folder: written whole as secret.key.new, flushed, renamed, and
// the folder flushed, before anything is sealed with it. A configured key file is only ever read.
//
// Thread safety: plain values.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include <slipway/core/result.hpp>
#include <slipway/storage/open_stores.hpp>
#include <slipway/support/sealer.hpp>

namespace slipway {

class DataFolder;

inline constexpr std::string_view secret_key_file_name = "secret.key";
inline constexpr std::string_view new_secret_key_file_name = "secret.key.new";

class SecretKey {
 public:
  /// Reads the key files. Where the folder's own is missing, a key is made, in memory; not for a
  /// folder that was sealed with one. Errors: denied (missing, malformed), io.
  static Result<SecretKey> load(const DataFolder& folder, const SecretOptions& options);

  [[nodiscard]] const std::shared_ptr<const Sealer>& sealer() const noexcept { return sealer_; }

  /// The folder's own key survives a power cut: writes the one that load made, or flushes the one
  /// that a start which was interrupted left. Errors: io, quota_exceeded.
  Result<void> keep();

  /// What to tell when the key does not open the folder.
  [[nodiscard]] Error does_not_fit(const Error& why) const;

 private:
  std::filesystem::path file_;
  bool own_ = false;                 // it is the folder's, not a configured one
  std::optional<Sealer::Key> made_;  // not yet written
  std::shared_ptr<const Sealer> sealer_;
};

}  // namespace slipway
