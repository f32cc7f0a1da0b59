#!/usr/bin/env bash
# Compares this server with distribution 3.1.2, Debian's docker-registry (2.8) and, for reads, nginx: the same bytes, the same
# clients, the same minutes, the servers in turn. Prints the figures, ratios and whether each mark is reached, and beside them what
# each server flushes per push: speed without flushing is not the same work. Takes about ten minutes on 2 cores that are free.
#
#   benchmarks/compare.sh [--rounds N] [--seconds N] [--rows manifest,small-push,…] [--manifests N] [--builds N] [--no-flushes]
#
# Installs nginx, wrk, strace and docker-registry by apt, and distribution by `go install` (Debian's Go is too old for it).
set -euo pipefail
cd "$(dirname "$0")/.."

cmake/dependencies.sh
missing=()
for tool in nginx:nginx-light wrk:wrk strace:strace docker-registry:docker-registry; do
  command -v "${tool%%:*}" >/dev/null || [[ -x /usr/sbin/${tool%%:*} ]] || missing+=("${tool##*:}")
done
if ((${#missing[@]} > 0)); then
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}" >/dev/null
fi

tools=${XDG_CACHE_HOME:-$HOME/.cache}/slipway-compare
mkdir -p "$tools"
version=v3.1.2
distribution=$tools/registry-$version
if [[ ! -x $distribution ]]; then
  command -v go >/dev/null || { echo "$0: distribution $version needs Go 1.24 or later; see https://go.dev/dl" >&2; exit 2; }
  GOBIN=$tools go install "github.com/distribution/distribution/v3/cmd/registry@$version"
  mv "$tools/registry" "$distribution"
fi

[[ -f build/release/build.ninja ]] || cmake --preset release >/dev/null
cmake --build --preset release --target slipway registry_load push_floor fill_registry
bin=build/release/bin
exec python3 -B benchmarks/compare --slipway $bin/slipway --load $bin/registry_load --floor $bin/push_floor \
  --fill $bin/fill_registry --distribution "$distribution" --docker-registry /usr/bin/docker-registry "$@"
