// What an image says about itself: labels in its config, annotations in its manifest.
//
// Written into the image that buildah made and not by buildah (--label would be a step of its own
// for each, in the history, in the log and in the layer cache).
//
// Thread safety: pure functions but for the folder.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include <slipway/core/result.hpp>

#include "worker/builder.hpp"

namespace slipway {

using ImageLabels = std::map<std::string, std::string>;

/// The OCI annotations' names (image specification, "Annotations": created, source, revision,
/// version) for time, source, commit, and the git tag or else the first tag of the build; and the
/// request's own labels, which win.
ImageLabels image_labels(const BuildJob& job);

/// Adds the labels to the config of an image in a folder, and those of them that are OCI's to its
/// manifest, when that is OCI's. Config and manifest get other digests by it.
/// Errors: corrupt (no image), io.
Result<void> label_image(const std::filesystem::path& folder, const ImageLabels& labels);

}  // namespace slipway
