// Importing a tar (plain, gzip or zstd) that holds an OCI layout or a Docker archive, from a file and
// from a pipe, into a registry that takes everything.
#include <slipway/http/transport.hpp>

#include <string>
#include <vector>

#include "tests/fuzz/fuzz.hpp"
#include "transfer/image_import.hpp"
#include "transfer/layer_files.hpp"

using namespace slipway;

namespace {

ByteSource source_of(std::string_view bytes) {
  return [bytes](std::span<std::byte> out) mutable -> Result<std::size_t> {
    const std::size_t count = bytes.copy(reinterpret_cast<char*>(out.data()), out.size());
    bytes.remove_prefix(count);
    return count;
  };
}

class Source final : public LayoutSource {
 public:
  Source(std::string_view bytes, bool repeatable) : bytes_(bytes), repeatable_(repeatable) {}

  Result<std::unique_ptr<LayoutEntries>> open() override { return read_layout_tar(source_of(bytes_)); }
  [[nodiscard]] bool repeatable() const noexcept override { return repeatable_; }

 private:
  const std::string_view bytes_;
  const bool repeatable_;
};

class AnyRegistry final : public HttpTransport {
 public:
  Result<IncomingResponse> send(const OutgoingRequest& request, const BodySink&,
                                std::stop_token) override {
    FUZZ_EXPECT(request.url.starts_with("http://registry.test/v2/app/web/"));
    FUZZ_EXPECT(!tag_moved);
    IncomingResponse response;
    if (request.method == HttpMethod::head) response.status = 404;
    if (request.method == HttpMethod::post || request.method == HttpMethod::patch) {
      response.status = 202;
      response.fields.emplace_back("Location", "/v2/app/web/blobs/uploads/1");
    }
    if (request.method == HttpMethod::put) {
      response.status = 201;
      tag_moved = request.url.ends_with("/manifests/tag");
    }
    std::uint64_t sent = 0;
    while (request.body_source && sent < request.body_size.value_or(UINT64_MAX)) {
      std::vector<std::byte> piece(4096);
      SLIPWAY_TRY(const std::size_t size, request.body_source(piece));
      if (size == 0) break;
      sent += size;
    }
    return response;
  }

  bool tag_moved = false;
};

/// The digest, or nothing when it was refused: then the tag has not moved.
std::string import(std::string_view bytes, bool repeatable) {
  AnyRegistry transport;
  RegistryClient client(transport, "http://registry.test", "", *RepositoryName::parse("app/web"));
  Source source(bytes, repeatable);
  TransferEvents events;
  const auto imported = import_image(source, client, *Tag::parse("tag"), {}, events);
  FUZZ_EXPECT(imported.ok() == transport.tag_moved);
  return imported ? imported->digest.to_string() : "";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  const std::string twice = import(bytes, true);
  const std::string once = import(bytes, false);
  FUZZ_EXPECT(twice.empty() || once.empty() || twice == once);
  static_cast<void>(list_layer_files(source_of(bytes), [](const TarEntry& entry) -> Result<void> {
    FUZZ_EXPECT(mode_text(entry).size() == 10);
    return {};
  }));
  return 0;
}
