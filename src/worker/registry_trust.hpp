// RegistryTrust: the files by which a builder and registries know each other, beside the system's.
//
// Thread safety: plain values.
#pragma once

#include <filesystem>

namespace slipway {

/// PEM files; each may be empty.
struct RegistryTrust {
  std::filesystem::path authorities;  // that registries' certificates may be signed by
  std::filesystem::path certificate;  // for registries that ask for one
  std::filesystem::path key;          // its key; empty: it is in the same file
};

}  // namespace slipway
