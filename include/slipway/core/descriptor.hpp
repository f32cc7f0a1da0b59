// Descriptor: what refers to content: its media type, digest and size.
//
// OCI image specification 1.1, "Descriptors". Parsing and printing the JSON form is image/'s work.
//
// Thread safety: a plain value.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <slipway/core/digest.hpp>

namespace slipway {

/// OCI image index, property `platform`. Empty strings are absent.
struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;
  std::string os_version;
  std::vector<std::string> os_features;

  friend bool operator==(const Platform&, const Platform&) = default;
};

using Annotations = std::map<std::string, std::string>;

struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;  // bytes
  std::string artifact_type;
  Annotations annotations;
  std::optional<Platform> platform;
  std::vector<std::string> urls;

  friend bool operator==(const Descriptor&, const Descriptor&) = default;
};

}  // namespace slipway
