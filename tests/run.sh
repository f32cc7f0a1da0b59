#!/usr/bin/env bash
# Installs what is missing, builds the release preset with everything in it, and runs all of its tests.
set -euo pipefail
cd "$(dirname "$0")/.."

cmake/dependencies.sh
cmake --preset release
cmake --build --preset release
tests/ctest.sh build/release
