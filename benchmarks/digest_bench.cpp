// What hashing costs: the digest of each pushed byte, and the code in each upload's id.

#include <benchmark/benchmark.h>

#include <string>

#include <slipway/support/hasher.hpp>

namespace {

using slipway::DigestAlgorithm;

void digest(benchmark::State& state, DigestAlgorithm algorithm) {
  const std::string bytes(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(slipway::digest_of(bytes, algorithm));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(digest, sha256, DigestAlgorithm::sha256)->Arg(256)->Arg(4096)->Arg(1 << 20);
BENCHMARK_CAPTURE(digest, sha512, DigestAlgorithm::sha512)->Arg(4096)->Arg(1 << 20);

void hmac(benchmark::State& state) {
  const std::string key(32, 'k');
  const std::string message(60, 'm');
  for (auto _ : state) benchmark::DoNotOptimize(slipway::hmac_sha256(key, message));
}
BENCHMARK(hmac);

void parse_digest(benchmark::State& state) {
  const std::string text = slipway::digest_of("x").to_string();
  for (auto _ : state) benchmark::DoNotOptimize(slipway::Digest::parse(text));
}
BENCHMARK(parse_digest);

}  // namespace
