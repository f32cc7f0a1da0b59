// ImageConfig: what an image's config blob says of how it runs, and of what it was made.
//
// Read from untrusted bytes, with limits on size, depth and count. Sources: OCI image specification
// 1.1, "config.md"; Docker "Image Specification v1.3", whose configs are the same but for members
// that only its own daemon reads. Members that are not named here are skipped, so a config that was
// read and written again is another blob: copy the bytes where the digest must stay.
//
// Thread safety: plain values and pure functions.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/descriptor.hpp>
#include <slipway/core/digest.hpp>
#include <slipway/core/result.hpp>
#include <slipway/core/timestamp.hpp>

namespace slipway {

inline constexpr std::size_t max_image_config_bytes = std::size_t{4} * 1024 * 1024;

/// The member `config`: how a container of the image runs unless it is told otherwise. Empty is
/// absent.
struct ExecutionConfig {
  std::string user;                        // "user", "uid", "user:group", "uid:gid", ...
  std::vector<std::string> exposed_ports;  // "80", "53/udp"; ascending
  std::vector<std::string> environment;    // "NAME=value"
  std::vector<std::string> entrypoint;
  std::vector<std::string> command;
  std::vector<std::string> volumes;  // folders; ascending
  std::string working_directory;
  std::map<std::string, std::string> labels;
  std::string stop_signal;  // "SIGKILL", "SIGRTMIN+3"

  friend bool operator==(const ExecutionConfig&, const ExecutionConfig&) = default;
};

/// One step of how the image was made, the first first.
struct HistoryEntry {
  std::optional<Timestamp> created;
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;  // it made no layer

  friend bool operator==(const HistoryEntry&, const HistoryEntry&) = default;
};

struct ImageConfig {
  std::optional<Timestamp> created;
  std::string author;
  Platform platform;
  ExecutionConfig config;
  /// Of the layers' tars before compression, the lowest first: as many as the manifest has layers.
  std::vector<Digest> diff_ids;
  std::vector<HistoryEntry> history;

  friend bool operator==(const ImageConfig&, const ImageConfig&) = default;
};

/// Errors: invalid_argument (which field), too_large.
Result<ImageConfig> parse_image_config(std::string_view bytes);

/// The canonical JSON: members in the specification's order, no white space.
std::string to_json(const ImageConfig& config);

}  // namespace slipway
