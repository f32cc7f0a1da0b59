// What an import is going to send, decided from an image's documents before anything is sent.
//
// An OCI layout: the entry of index.json that is chosen, everything below it, and the referrers that
// index.json names: manifests whose subject is something that is imported, also through an index of
// the referrers tag schema (OCI distribution specification 1.1.1, "Referrers Tag Schema").
// A Docker archive: config and layers, from which a manifest is made: of OCI's types, or of Docker's
// schema 2 when the config needs it (HEALTHCHECK, ONBUILD, SHELL), as for builds. An archive that is both, as
// Docker writes since version 25, is taken as a layout.
//
// Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/digest.hpp>
#include <slipway/core/reference.hpp>
#include <slipway/core/result.hpp>

#include "transfer/layout_contents.hpp"

namespace slipway {

struct ImportChoice {
  /// Which of several images: its name in the source (the annotation
  /// org.opencontainers.image.ref.name, Docker's tag "app:1", or a digest). Empty: the only one, or
  /// the one that is called as the target.
  std::string ref;
  std::string target;  // the target's tag; empty when it is a digest
  /// An index may name images that are not in the source.
  bool sparse = false;
};

struct ImportPlan {
  struct Manifest {
    Digest digest;
    std::string media_type;
    std::string file;  // the document with its bytes
  };
  struct Blob {
    std::string file;
    std::uint64_t size = 0;
    Compression compression = Compression::none;
    /// Of a layer of a Docker archive: what it has when it is not compressed.
    std::optional<Digest> digest;
  };

  /// Children before those that name them; the image itself is the last. Empty for a Docker archive.
  std::vector<Manifest> manifests;
  /// Each once, in the order of their files' names; for a Docker archive without its config.
  std::vector<Blob> blobs;

  struct DockerImage {
    std::string config;               // the document
    std::vector<std::string> layers;  // files, the lowest first
    std::vector<Digest> diff_ids;
  };
  std::optional<DockerImage> docker;
};

/// Errors: invalid_argument (neither layout nor archive, malformed documents, a size that is not the
/// file's, several images and none chosen), not_found (no such image; a file that is named and
/// missing), unsupported. Messages name the document and the file.
Result<ImportPlan> plan_import(const LayoutContents& contents, const ImportChoice& choice);

struct DockerManifest {
  std::string bytes;
  std::string_view media_type;
};

/// The manifest of a Docker archive's image. Docker has no type for layers of zstd: they make it OCI's
/// whatever the config says. `layers` are as in the plan, each with the size, digest
/// and compression of what was sent.
struct SentLayer {
  Digest digest;
  std::uint64_t size = 0;
  Compression compression = Compression::none;
};
DockerManifest make_docker_manifest(std::string_view config, const std::vector<SentLayer>& layers);

}  // namespace slipway
