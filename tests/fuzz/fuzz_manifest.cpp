// Manifests, indexes, image configs and the documents of layouts: parsed, and what was parsed is the
// same when it is written and read again.
#include <slipway/image/image_config.hpp>
#include <slipway/image/manifest.hpp>

#include "image/image_layout.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace slipway;

namespace {

bool same(const Manifest& a, const Manifest& b) {
  return a.media_type == b.media_type && a.artifact_type == b.artifact_type &&
         a.config == b.config && a.layers == b.layers && a.manifests == b.manifests &&
         a.subject == b.subject && a.annotations == b.annotations;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(fuzz::text_of(data, size));
  // The first line is a Content-Type.
  const std::string_view type = input.line();
  const std::string_view bytes = input.rest();
  if (const auto manifest = parse_manifest(bytes, type)) {
    const auto again = parse_manifest(to_json(*manifest), manifest->media_type);
    FUZZ_EXPECT(again.ok() && same(*again, *manifest));
  }
  if (const auto config = parse_image_config(bytes)) {
    const auto again = parse_image_config(to_json(*config));
    FUZZ_EXPECT(again.ok() && *again == *config);
  }
  if (const auto descriptor = parse_descriptor(bytes)) {
    const auto again = parse_descriptor(to_json(*descriptor));
    FUZZ_EXPECT(again.ok() && *again == *descriptor);
  }
  if (const auto entries = parse_layout_index(bytes)) {
    const auto again = parse_layout_index(layout_index_json(*entries));
    FUZZ_EXPECT(again.ok() && *again == *entries);
  }
  static_cast<void>(parse_docker_archive(bytes));
  static_cast<void>(check_layout_version(bytes));
  return 0;
}
