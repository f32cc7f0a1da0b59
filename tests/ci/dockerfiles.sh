#!/usr/bin/env bash
# Dockerfiles as people write them (tests/dockerfiles/), each from a signed webhook to an image that a client pulls and looks into. One
# line for each, and "N passed, N failed" at the end. Names as arguments run those alone.
set -euo pipefail
cd "$(dirname "$0")/../.."

export SLIPWAY=${SLIPWAY_PROGRAM:-$PWD/build/release/bin/slipway}
if [[ -z ${SLIPWAY_PROGRAM:-} ]]; then
  cmake --preset release
  cmake --build --preset release --target slipway
fi
exec python3 -B tests/dockerfiles/run.py "$@"
