// Images made by hand as folders, tars and Docker archives, and a registry to move them into.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/archive/tar_bytes.hpp"
#include "tests/http/oci_fixture.hpp"
#include "tests/transfer/handler_transport.hpp"
#include "transfer/image_export.hpp"
#include "transfer/image_import.hpp"

namespace slipway::test {

using Files = std::vector<std::pair<std::string, std::string>>;  // name, bytes

inline std::string blob_name(std::string_view bytes) {
  std::string digest = digest_text(bytes);
  return "blobs/" + digest.replace(digest.find(':'), 1, "/");
}

inline std::pair<std::string, std::string> blob(const std::string& bytes) {
  return {blob_name(bytes), bytes};
}

inline std::string config_json(const std::vector<std::string>& layers,
                               const std::string& architecture = "amd64") {
  std::string json = "{\"architecture\":\"" + architecture +
                     "\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[";
  for (std::size_t i = 0; i < layers.size(); ++i)
    json += (i == 0 ? "\"" : ",\"") + digest_text(layers[i]) + "\"";
  return json + "]}}";
}

inline std::string index_json(const std::vector<std::string>& descriptors) {
  std::string json = "{\"schemaVersion\":2,\"manifests\":[";
  for (std::size_t i = 0; i < descriptors.size(); ++i) json += (i == 0 ? "" : ",") + descriptors[i];
  return json + "]}";
}

inline std::string named(const std::string& name) {
  return ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"" + name + "\"}";
}

inline const std::string layout_version = "{\"imageLayoutVersion\":\"1.0.0\"}";

/// An image of one layer, as a layout.
struct SimpleImage {
  explicit SimpleImage(std::string content = "the layer", const std::string& architecture = "amd64")
      : layer(std::move(content)),
        config(config_json({layer}, architecture)),
        manifest(image_json(config, {layer})) {}

  [[nodiscard]] std::string descriptor(const std::string& more = "") const {
    return descriptor_json(oci_manifest_type, manifest, more);
  }
  [[nodiscard]] Files blobs() const { return {blob(layer), blob(config), blob(manifest)}; }
  [[nodiscard]] Files layout() const {
    Files files = blobs();
    files.emplace_back("index.json", index_json({descriptor()}));
    files.emplace_back("oci-layout", layout_version);
    return files;
  }

  std::string layer;
  std::string config;
  std::string manifest;
};

inline std::string tar_of(const Files& files) {
  std::string bytes;
  for (const auto& [name, content] : files) bytes += tar_block(TarEntry{name, '0', content});
  return bytes + std::string(1024, '\0');
}

/// A tar in memory. `once`: as from a pipe.
class MemorySource final : public LayoutSource {
 public:
  explicit MemorySource(std::string bytes, bool once = false)
      : bytes_(std::move(bytes)), once_(once) {}

  Result<std::unique_ptr<LayoutEntries>> open() override {
    EXPECT_TRUE(!once_ || passes_ == 0);
    ++passes_;
    return read_layout_tar([rest = std::string_view(bytes_)](
                               std::span<std::byte> out) mutable -> Result<std::size_t> {
      const std::size_t count = rest.copy(reinterpret_cast<char*>(out.data()), out.size());
      rest.remove_prefix(count);
      return count;
    });
  }
  [[nodiscard]] bool repeatable() const noexcept override { return !once_; }

 private:
  const std::string bytes_;
  const bool once_;
  int passes_ = 0;
};

class RecordedEvents final : public TransferEvents {
 public:
  void planned(std::uint64_t bytes) override { total = bytes; }
  void moved(std::uint64_t bytes) override { sum += bytes; }

  std::uint64_t total = 0;
  std::uint64_t sum = 0;
};

class ImageTest : public ::testing::Test {
 protected:
  Result<ImportSummary> import(LayoutSource& source, const ImportOptions& options = {},
                               const std::string& target = "1") {
    RegistryClient client = registry();
    return import_image(source, client, *parse_reference(target), options, events_);
  }
  Result<ImportSummary> import(const Files& files, const ImportOptions& options = {},
                               const std::string& target = "1") {
    MemorySource source(tar_of(files));
    return import(source, options, target);
  }
  Result<ImportSummary> import_once(const Files& files, const ImportOptions& options = {}) {
    MemorySource source(tar_of(files), true);
    return import(source, options);
  }

  RegistryClient registry(const std::string& repository = "app/web") {
    return RegistryClient(transport_, "http://registry.test", "", *RepositoryName::parse(repository));
  }

  /// The bytes that the tag leads to; empty when there is no such tag.
  std::string tagged(const std::string& tag = "1") {
    const auto content = registry().read_manifest(*parse_reference(tag));
    return content ? content->bytes : "";
  }
  bool has_blob(std::string_view bytes) {
    return exchange(world_.handler(), "HEAD", "/v2/app/web/blobs/" + digest_text(bytes)).status == 200;
  }
  bool has_manifest(std::string_view bytes) {
    return registry().read_manifest(digest_of(bytes)).ok();
  }

  OciWorld world_{StoreKind::memory};
  HandlerTransport transport_{world_.handler()};
  RecordedEvents events_;
};

inline std::string message_of(const Result<ImportSummary>& result) {
  return result ? "it was imported" : result.error().message;
}

}  // namespace slipway::test
