#!/usr/bin/env bash
# The p99 of honest clients beside 1,000 attackers, against the same beside 1,000 idle connections; see attack_load.cpp.
#
#   benchmarks/attack.sh [--rounds N] [--seconds S] [--attackers N]
set -euo pipefail
cd "$(dirname "$0")/.."

[[ -f build/release/build.ninja ]] || cmake --preset release >/dev/null
cmake --build --preset release --target slipway attack_load

folder=$(mktemp -d)
mkfifo "$folder/ready"
server=
finish() {
  if [[ -n $server ]]; then
    kill "$server" 2>/dev/null && wait "$server" || true
  fi
  rm -rf "$folder"
}
trap finish EXIT

build/release/bin/slipway serve --data "$folder/data" --listen 127.0.0.1:0 --anonymous push >"$folder/ready" 2>"$folder/log" &
server=$!
exec 3<"$folder/ready"
read -r -u 3 ready || { cat "$folder/log"; exit 1; }
build/release/bin/attack_load "${ready#listening on http://}" "$@"
grep -E '^(RssAnon|VmHWM)' "/proc/$server/status"
