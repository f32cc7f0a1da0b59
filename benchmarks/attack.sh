#!/usr/bin/env bash
# The p99 of honest clients beside 1,000 attackers, against the same beside 1,000 idle connections; see attack_load.cpp.
#
#   benchmarks/attack.sh [--rounds N] [--seconds S] [--attackers N] [--at-once N] [--same-priority]
set -euo pipefail
cd "$(dirname "$0")/.."
source tests/serve.sh

[[ -f build/release/build.ninja ]] || cmake --preset release >/dev/null
cmake --build --preset release --target slipway attack_load

start_server build/release/bin/slipway --anonymous push
build/release/bin/attack_load "${url#http://}" --server "$server" "$@"
grep -E '^(RssAnon|VmHWM)' "/proc/$server/status"
