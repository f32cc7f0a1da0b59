// What reading a pushed manifest costs, by how many layers it has.

#include <benchmark/benchmark.h>

#include <string>

#include <slipway/core/media_type.hpp>
#include <slipway/image/manifest.hpp>
#include <slipway/support/hasher.hpp>

namespace {

using namespace slipway;

Descriptor descriptor(std::string_view media_type, const std::string& content) {
  return {std::string(media_type), digest_of(content), content.size(), "", {}, {}, {}};
}

std::string manifest_with(std::int64_t layers) {
  Manifest manifest;
  manifest.media_type = media_type::oci_manifest;
  manifest.config = descriptor(media_type::oci_config, "config");
  for (std::int64_t i = 0; i < layers; ++i)
    manifest.layers.push_back(descriptor(media_type::oci_layer_gzip, std::to_string(i)));
  return to_json(manifest);
}

void parse(benchmark::State& state) {
  const std::string text = manifest_with(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(parse_manifest(text, media_type::oci_manifest));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(parse)->Arg(1)->Arg(5)->Arg(40);

}  // namespace
