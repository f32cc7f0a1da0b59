#!/usr/bin/env bash
# Usage: tests/soak.sh [OPERATIONS [SECONDS]]
# The whole soak: 32 writers push, mount, retag, delete and name what they asked for, while garbage collection runs without pause; at
# least 100,000 operations and three minutes, unless told otherwise. Ends with `1 passed, 0 failed` when no blob was ever unknown
# and storage is in the end what it was at the start. The seed is printed; SLIPWAY_TEST_SEED sets it.
set -euo pipefail
cd "$(dirname "$0")/.."

cmake --preset release
cmake --build --preset release --target registry_soak
exec build/release/bin/registry_soak --operations "${1:-100000}" --seconds "${2:-180}"
