#!/usr/bin/env bash
# Compares this server with distribution 3.1.2 and, for reads, nginx: the same bytes, the same clients, the same minute, the servers
# in turn. Prints ratios, and beside them what each server flushes per push: speed without flushing is not the same work.
#
#   benchmarks/compare.sh [--rounds N]
#
# Installs nginx, wrk and strace by apt; distribution by `go install`, or Debian's docker-registry where there is no Go.
set -euo pipefail
cd "$(dirname "$0")/.."

cmake/dependencies.sh
missing=()
for tool in nginx:nginx-light wrk:wrk strace:strace; do
  command -v "${tool%%:*}" >/dev/null || [[ -x /usr/sbin/${tool%%:*} ]] || missing+=("${tool##*:}")
done

tools=${XDG_CACHE_HOME:-$HOME/.cache}/slipway-compare
mkdir -p "$tools"
version=v3.1.2
distribution=$tools/registry-$version
if command -v go >/dev/null; then
  if [[ ! -x $distribution ]]; then
    GOBIN=$tools go install "github.com/distribution/distribution/v3/cmd/registry@$version"
    mv "$tools/registry" "$distribution"
  fi
else
  distribution=/usr/bin/docker-registry
  [[ -x $distribution ]] || missing+=(docker-registry)
fi
if ((${#missing[@]} > 0)); then
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}" >/dev/null
fi

[[ -f build/release/build.ninja ]] || cmake --preset release >/dev/null
cmake --build --preset release --target slipway push_load
exec python3 -B benchmarks/compare.py --slipway build/release/bin/slipway --push-load build/release/bin/push_load \
  --distribution "$distribution" "$@"
